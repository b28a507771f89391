#include "milters/postern/quarantine.h"

#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <iostream>

#include "milters/scanner/memfd.h"
#include "milters/virus/mailer.h"
#include "milters/virus/transaction.h"
#include "policy/config/config.h"
#include "policy/log.h"
#include "policy/scan/store.h"

namespace milters::postern {
namespace {

using policy::Errc;
using policy::scan::Kept;
using policy::scan::Store;

struct Arguments {
    std::string config = policy::config::default_file;
    std::string command;
    std::vector<std::string> ids;
    std::vector<std::string> rcpts;
};

int complain(const policy::Error& error)
{
    std::cerr << "postern: " << error.text << '\n';
    return error.code == Errc::gone    ? 1
           : error.code == Errc::usage ? EX_USAGE
                                       : EX_IOERR;
}

std::string local_time(policy::Seconds when)
{
    const std::time_t t = when.time_since_epoch().count();
    std::tm parts{};
    char text[32] = "";
    if (::localtime_r(&t, &parts))
        std::strftime(text, sizeof text, "%F %T", &parts);
    return text;
}

std::string joined(const std::vector<std::string>& words)
{
    std::string out;
    for (const auto& word : words)
        out += (out.empty() ? "" : ",") + word;
    return out;
}

int list(const Store& store)
{
    std::vector<std::string> problems;
    const auto all = store.list(problems);
    if (!all)
        return complain(all.error());
    for (const Kept& kept : *all)
        std::cout << kept.id << ' ' << local_time(kept.when) << ' ' << kept.size
                  << ' ' << kept.status << ' '
                  << policy::printable(kept.signature) << " <"
                  << policy::printable(kept.sender) << "> "
                  << policy::printable(joined(kept.rcpts)) << '\n';
    for (const auto& problem : problems)
        std::cerr << "postern: " << problem << '\n';
    return problems.empty() ? EX_OK : EX_IOERR;
}

int show(const Store& store, const std::string& id)
{
    const auto kept = store.find(id);
    if (!kept)
        return complain(kept.error());
    const std::pair<const char*, std::string> lines[] = {
        {"id", kept->id},
        {"kept", local_time(kept->when)},
        {"queue id", kept->queue_id},
        {"from", "<" + kept->sender + ">"},
        {"to", joined(kept->rcpts)},
        {"client", kept->client},
        {"login", kept->auth_user},
        {"subject", kept->subject},
        {"status", kept->status},
        {"signature", kept->signature},
        {"action", kept->action},
        {"group", kept->group},
        {"reason", kept->reason},
        {"size", std::to_string(kept->size)},
        {"message", kept->whole ? store.path(id, ".eml") : "not kept"}};
    for (const auto& [name, value] : lines)
        if (!value.empty())
            std::cout << name << ": " << policy::printable(value) << '\n';
    return EX_OK;
}

/// The message with the header that lets it pass, as a file in memory.
policy::Result<scanner::MemFile> marked(const Store& store,
                                        const std::string& id,
                                        const std::string& word)
{
    const scanner::Fd in{
        ::open(store.path(id, ".eml").c_str(), O_RDONLY | O_CLOEXEC)};
    auto out = scanner::MemFile::create();
    if (!in || !out)
        return policy::fail(Errc::io,
                            store.path(id, ".eml") + ": cannot be read");
    auto done = out->append(std::string{virus::release_header} + ": " + id +
                            " " + word + "\n");
    std::string buffer(1 << 20, '\0');
    // The program takes lines that end in LF.
    char last = 0;
    for (ssize_t n = 0;
         done && (n = ::read(in.get(), buffer.data(), buffer.size())) > 0;) {
        std::string lines;
        for (const char c :
             std::string_view{buffer}.substr(0, static_cast<std::size_t>(n))) {
            if (last == '\r' && c != '\n')
                lines += '\r';
            if (c != '\r')
                lines += c;
            last = c;
        }
        done = out->append(lines);
    }
    if (!done)
        return policy::fail(done.error());
    ::lseek(out->fd(), 0, SEEK_SET);
    return out;
}

int release(const Store& store, const policy::config::Virus& settings,
            const Arguments& args, const std::string& id)
{
    const auto kept = store.find(id);
    if (!kept)
        return complain(kept.error());
    if (!kept->whole)
        return complain({Errc::io, id + ": the message was not kept"});
    const auto& rcpts = args.rcpts.empty() ? kept->rcpts : args.rcpts;
    if (rcpts.empty())
        return complain({Errc::usage, id + ": no recipients; see -r"});
    const auto word = store.grant_release(id);
    if (!word)
        return complain(word.error());
    const auto message = marked(store, id, *word);
    if (!message)
        return complain(message.error());
    if (const auto sent = virus::hand_over(settings.notify.sendmail,
                                           kept->sender, rcpts, message->fd());
        !sent)
        return complain(sent.error());
    std::cout << id << ": released to " << joined(rcpts) << '\n';
    return EX_OK;
}

int run(const Arguments& args, const policy::config::Virus& settings)
{
    const Store store{settings.quarantine.folder};
    if (args.command == "list")
        return list(store);
    if (args.command == "expire") {
        const auto count =
            store.expire(policy::system_now(), settings.quarantine.max_age);
        if (!count)
            return complain(count.error());
        std::cout << *count << " removed\n";
        return EX_OK;
    }
    if (args.ids.empty())
        return EX_USAGE;
    int code = EX_OK;
    for (const auto& id : args.ids) {
        int one = EX_OK;
        if (args.command == "show")
            one = show(store, id);
        else if (args.command == "release")
            one = release(store, settings, args, id);
        else if (const auto gone = store.remove(id); !gone)
            one = complain(gone.error());
        code = one ? one : code;
    }
    return code;
}

}  // namespace

int quarantine(int argc, const char* const* argv)
{
    Arguments args;
    CLI::App app{"Lists and releases messages that virus-milter has kept.",
                 "postern quarantine"};
    app.add_option("-c,--config", args.config, "postern.yaml");
    app.add_option("-r,--rcpt", args.rcpts, "release: to these recipients only")
        ->allow_extra_args(false);
    app.add_option("command", args.command, "what to do")
        ->required()
        ->check(CLI::IsMember({"list", "show", "release", "delete", "expire"}));
    app.add_option("ids", args.ids, "of messages");
    try {
        app.parse(argc, argv);
        if (std::count(args.rcpts.begin(), args.rcpts.end(), "") > 0)
            throw CLI::ValidationError{"--rcpt", "an address is empty"};
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? EX_OK : EX_USAGE;
    }
    const auto loaded = policy::config::load(args.config);
    for (const auto& problem : loaded.problems)
        std::cerr << "postern: " << problem << '\n';
    return loaded.config ? run(args, loaded.config->virus) : EX_CONFIG;
}

}  // namespace milters::postern
