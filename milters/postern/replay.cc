#include "milters/postern/replay.h"

#include <sysexits.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "milters/postern/filter_case.h"
#include "milters/postern/filter_host.h"
#include "milters/postern/filter_json.h"
#include "milters/postern/mail_files.h"
#include "milters/postern/options.h"
#include "policy/filter/smtp.h"
#include "policy/recipe/machine.h"

namespace milters::postern {
namespace {

using namespace policy::recipe;
using policy::filter::SmtpOutcome;

struct Arguments {
    std::string rc, old_rc, new_rc, rcpt;
    std::vector<std::string> paths;
    ConfigOptions config;
    bool json = false, progress = false, changes_only = false;
};

/// The site's recipes of a rc file or of a postern.yaml.
struct Rules {
    std::string name;
    std::shared_ptr<const Plan> plan;
    std::map<std::string, std::size_t> counts;
    std::shared_ptr<FilterHost> host;
};

/// What the milter would do, in a word or two.
std::string word_for(const SmtpOutcome& outcome)
{
    using policy::Verdict;
    if (outcome.verdict == Verdict::reject ||
        outcome.verdict == Verdict::tempfail)
        return std::string{policy::name_of(outcome.verdict)} + " " +
               std::to_string(outcome.reply.code) + " " +
               outcome.reply.enhanced;
    if (!outcome.quarantine.empty())
        return "quarantine";
    if (outcome.redirected)
        return "redirect";
    if (outcome.verdict == Verdict::discard)
        return "discard";
    if (!outcome.forwards.empty())
        return "copy";
    return outcome.headers.empty() && outcome.folder.empty() && !outcome.body
               ? "accept"
               : "accept, edited";
}

class Replay {
public:
    Replay(const Arguments& given, std::vector<Rules> rules)
        : given_{given}, rules_{std::move(rules)}
    {
        FilterCase about;
        about.user = given.rcpt.substr(0, given.rcpt.find('@'));
        about.home = "/home/" + about.user;
        about.arguments = {"", given.rcpt};
        setup_ = setup_of(about);
        setup_.trace = false;
    }

    int run()
    {
        const auto files = mail_files(given_.paths);
        if (!files) {
            std::cerr << "postern: " << files.error().text << '\n';
            return EX_NOINPUT;
        }
        std::size_t all = 0, done = 0;
        for (const MailFile& file : *files)
            all += file.bytes;
        int code = EX_OK;
        for (const MailFile& file : *files) {
            const auto read = read_mails(
                file, [this](StoredMail mail) { one(std::move(mail)); });
            if (!read) {
                std::cerr << "postern: " << read.error().text << '\n';
                code = EX_NOINPUT;
            }
            done += file.bytes;
            progress(done, all);
        }
        if (given_.progress)
            std::cerr << '\n';
        report();
        return code != EX_OK ? code : changed_ > 0 ? 1 : 0;
    }

private:
    void progress(std::size_t done, std::size_t all)
    {
        if (!given_.progress || all == 0)
            return;
        constexpr std::size_t width = 40;
        const std::size_t part = done * width / all;
        std::cerr << "\r[" << std::string(part, '#')
                  << std::string(width - part, ' ') << "] " << done * 100 / all
                  << "% " << messages_ << " messages" << std::flush;
    }

    void one(StoredMail mail)
    {
        ++messages_;
        const std::string sender =
            mail.sender.empty() ? "MAILER-DAEMON" : mail.sender;
        const auto message = std::make_shared<const Message>(
            with_from_line(mail.text, from_line(sender, std::time(nullptr))));
        setup_.arguments[0] = sender;
        std::vector<std::string> words;
        for (Rules& rules : rules_) {
            setup_.rc_path = rules.name;
            const Outcome outcome =
                policy::recipe::run(rules.plan, message, setup_, *rules.host);
            const auto answer = policy::filter::at_smtp_time(
                outcome, *message, rules.host->settings());
            words.push_back(word_for(answer));
            ++rules.counts[words.back()];
            where_ = answer.source;
        }
        tell(mail, words);
    }

    void tell(const StoredMail& mail, const std::vector<std::string>& words)
    {
        const bool differs = words.size() > 1 && words[0] != words[1];
        changed_ += differs ? 1 : 0;
        if (words.size() > 1 ? !differs : given_.changes_only)
            return;
        if (given_.json) {
            nlohmann::json line{
                {"message", text_of(mail.where)},
                {words.size() > 1 ? "old" : "outcome", words[0]}};
            if (words.size() > 1)
                line["new"] = words[1];
            if (!where_.empty())
                line["recipe"] = text_of(where_);
            std::cout << line.dump() << '\n';
            return;
        }
        std::cout << mail.where << ": " << words[0];
        if (words.size() > 1)
            std::cout << " -> " << words[1];
        if (!where_.empty())
            std::cout << "  (" << where_ << ')';
        std::cout << '\n';
    }

    void report()
    {
        if (given_.json) {
            nlohmann::json out{{"messages", messages_}, {"changed", changed_}};
            for (const Rules& rules : rules_)
                out["counts"][rules.name] = rules.counts;
            std::cout << out.dump() << '\n';
            return;
        }
        std::map<std::string, std::vector<std::size_t>> lines;
        for (std::size_t i = 0; i < rules_.size(); ++i)
            for (const auto& [word, count] : rules_[i].counts) {
                lines[word].resize(rules_.size());
                lines[word][i] = count;
            }
        for (const auto& [word, counts] : lines) {
            for (const std::size_t count : counts)
                std::cout << std::setw(10) << count;
            std::cout << "  " << word << '\n';
        }
        std::cout << messages_ << " messages";
        if (rules_.size() > 1)
            std::cout << ", " << changed_ << " changed";
        std::cout << '\n';
    }

    const Arguments& given_;
    std::vector<Rules> rules_;
    RunSetup setup_;
    std::string where_;
    std::size_t messages_ = 0, changed_ = 0;
};

/// Reads a rc file, or that of a configuration; tells what is wrong with it.
/// @param options  the configuration of a rc file
std::optional<Rules> rules_of(std::string path, ConfigOptions options)
{
    const bool whole = path.ends_with(".yaml") || path.ends_with(".yml");
    if (whole)
        options.config = path;
    const auto loaded = load_config(options);
    if (!loaded.config) {
        complain(loaded.problems, EX_CONFIG);
        return std::nullopt;
    }
    if (whole)
        path = loaded.config->filter.site_rc;
    auto host = std::make_shared<FilterHost>(loaded.config, path);
    const auto got = host->main_file(path);
    if (!got.plan)
        return std::nullopt;
    return Rules{path, got.plan, {}, std::move(host)};
}

}  // namespace

int replay(int argc, const char* const* argv)
{
    Arguments given;
    given.rcpt = "user@localhost";
    CLI::App app{"Runs recipes on stored mail and counts what they do.",
                 "postern replay"};
    app.add_option("--rc", given.rc, "rc file, or postern.yaml");
    app.add_option("--old", given.old_rc, "what is in force now");
    app.add_option("--new", given.new_rc, "what is to come");
    app.add_option("--rcpt", given.rcpt, "recipient");
    add_place_options(app, given.config);
    app.add_flag("--json", given.json, "JSON lines");
    app.add_flag("--counts", given.changes_only, "no line for each message");
    app.add_flag("--progress", given.progress,
                 "a bar on standard error; by itself on a terminal");
    app.add_option("PATH", given.paths, "mbox file, maildir, or folder")
        ->required();
    if (const auto code = parse_arguments(app, argc, argv))
        return *code;
    given.progress = given.progress || ::isatty(STDERR_FILENO);
    const bool two = !given.old_rc.empty() && !given.new_rc.empty();
    if (two == !given.rc.empty()) {
        std::cerr << "postern: replay needs --rc FILE, or --old FILE and "
                     "--new FILE\n";
        return EX_USAGE;
    }
    std::vector<Rules> rules;
    for (const std::string& path : two ? std::vector{given.old_rc, given.new_rc}
                                       : std::vector{given.rc}) {
        auto read = rules_of(path, given.config);
        if (!read)
            return EX_CONFIG;
        rules.push_back(std::move(*read));
    }
    return Replay{given, std::move(rules)}.run();
}

}  // namespace milters::postern
