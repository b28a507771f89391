#include "milters/postern/filter.h"

#include <sysexits.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "milters/postern/filter_case.h"
#include "milters/postern/filter_compat.h"
#include "milters/postern/filter_host.h"
#include "milters/postern/filter_json.h"
#include "milters/postern/options.h"

namespace milters::postern {
namespace {

using nlohmann::json;

struct Arguments {
    std::string rc, from, recipient;
    std::vector<std::string> variables, files;
    bool compat = false, trace = false, batch = false,
         as_delivery_agent = false;
    bool as_json = false;
    ConfigOptions config;
};

std::optional<std::string> read_file(const std::string& path)
{
    std::ifstream file;
    std::istream* in = &std::cin;
    if (path != "-") {
        file.open(path, std::ios::binary);
        in = &file;
    }
    if (!*in)
        return std::nullopt;
    std::string text{std::istreambuf_iterator<char>{*in}, {}};
    if (in->bad())
        return std::nullopt;
    return text;
}

/// CRLF of a message becomes LF, as the milter does it.
std::string to_lf(const std::string& text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n')
            out.push_back(text[i]);
    return out;
}

std::string host_name()
{
    std::array<char, 256> name{};
    gethostname(name.data(), name.size() - 1);
    return name.data();
}

int batch(bool as_delivery_agent, FilterHost* host)
{
    std::string line;
    while (std::getline(std::cin, line)) {
        if (line.find_first_not_of(" \t\r") == line.npos)
            continue;
        json answer;
        try {
            FilterCase given = read_case(json::parse(line));
            given.as_delivery_agent = as_delivery_agent;
            answer = run_case(given, host);
        } catch (const json::exception& error) {
            answer = {{"error", std::string{"case: "} + error.what()}};
        }
        std::cout << answer.dump() << '\n' << std::flush;
    }
    return EX_OK;
}

void tell_recipe(const json& recipe)
{
    std::cout << "recipe " << recipe.at("r").get<std::string>() << ": ";
    if (recipe.contains("act"))
        std::cout << recipe.at("act").at("do").get<std::string>() << ' '
                  << recipe.at("act").value("to", "");
    else
        std::cout << "no match";
    std::cout << '\n';
    for (const json& condition : recipe.at("conds")) {
        std::cout << "    " << (condition.value("neg", false) ? "! " : "")
                  << condition.at("t").get<std::string>() << ": ";
        if (condition.contains("add"))
            std::cout << condition.at("add") << " score " << condition.at("tot")
                      << '\n';
        else
            std::cout << (condition.at("ok").get<bool>() ? "yes" : "no")
                      << '\n';
    }
}

void tell(const json& answer)
{
    for (const json& recipe : answer.at("trace"))
        tell_recipe(recipe);
    for (const json& text : answer.value("errors", json::array()))
        std::cout << "note: " << text.get<std::string>() << '\n';
    for (const json& action : answer.value("milter", json::array())) {
        std::cout << "milter:";
        for (const auto& [name, value] : action.items())
            std::cout << ' ' << name << '=' << value.dump();
        std::cout << '\n';
    }
}

/// What the milter would preset of the envelope.
void preset_envelope(const Arguments& given, FilterCase& made)
{
    made.presets.push_back("SENDER=" + given.from);
    made.presets.push_back("RECIPIENT=" + given.recipient);
    made.presets.insert(made.presets.end(), given.variables.begin(),
                        given.variables.end());
}

int one_message(const Arguments& given, const policy::config::Config& config,
                FilterHost& host)
{
    const auto rc = read_file(given.rc);
    const auto message = read_file(given.files[0]);
    if (!rc || !message) {
        std::cerr << "postern: cannot read " << (rc ? given.files[0] : given.rc)
                  << '\n';
        return EX_NOINPUT;
    }
    FilterCase made;
    made.rc = *rc;
    made.rc_name = given.rc;
    made.message = to_lf(*message);
    made.from = given.from.empty() ? "MAILER-DAEMON" : given.from;
    made.arguments = {*made.from, given.recipient};
    preset_envelope(given, made);
    const std::size_t at = given.recipient.find('@');
    if (!given.recipient.empty())
        made.user = given.recipient.substr(0, at);
    made.home = "/home/" + made.user;
    made.host = config.relay.domain.empty() ? host_name() : config.relay.domain;
    made.now = std::time(nullptr);
    made.as_delivery_agent = given.as_delivery_agent;
    const json answer = run_case(made, &host);
    if (answer.contains("error")) {
        if (given.trace || given.as_json)
            std::cout << answer.dump() << '\n';
        else
            std::cerr << answer.at("error").get<std::string>() << '\n';
        return 1;
    }
    if (given.trace || given.as_json)
        std::cout << answer.dump() << '\n';
    else
        tell(answer);
    return EX_OK;
}

}  // namespace

int filter(int argc, const char* const* argv)
{
    Arguments given;
    CLI::App app{"Runs procmail recipes on a message.", "postern filter"};
    app.add_option("--rc", given.rc, "rc file");
    app.add_option("--from", given.from, "envelope sender");
    app.add_option("--rcpt", given.recipient, "recipient");
    app.add_option("--var", given.variables, "NAME=VALUE before the rc file")
        ->expected(1)
        ->take_all();
    app.add_flag("--trace", given.trace, "JSON of everything that was tried");
    app.add_flag("--json", given.as_json, "the same");
    app.add_flag("--batch", given.batch, "cases as JSON lines from stdin");
    app.add_flag("--as-delivery-agent", given.as_delivery_agent,
                 "folders and forwards as procmail itself does them");
    app.add_flag("--compat", given.compat, "tell what of rc files works");
    add_place_options(app, given.config);
    app.add_option("FILE", given.files,
                   "a message, - for stdin; with --compat, rc files");
    if (const auto code = parse_arguments(app, argc, argv))
        return *code;
    // Cases are complete by themselves, unless the host is asked for.
    const bool alone = given.batch && given.config.config.empty() &&
                       given.config.mail_dir.empty();
    if (alone)
        return batch(given.as_delivery_agent, nullptr);
    const auto loaded = load_config(given.config);
    if (!loaded.config)
        return complain(loaded.problems, EX_CONFIG);
    FilterHost host{loaded.config, given.rc};
    if (given.batch)
        return batch(given.as_delivery_agent, &host);
    if (given.compat && !given.files.empty())
        return compat(given.files, given.as_json, host.programs());
    if (given.compat || given.rc.empty() || given.files.size() != 1) {
        std::cerr << "postern: filter needs --rc FILE and a message, or "
                     "--compat and rc files\n";
        return EX_USAGE;
    }
    return one_message(given, *loaded.config, host);
}

}  // namespace milters::postern
