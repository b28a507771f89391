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
#include "milters/postern/filter_json.h"

namespace milters::postern {
namespace {

using nlohmann::json;

struct Arguments {
    std::string rc, message, from, recipient;
    std::vector<std::string> variables, compat;
    bool trace = false, batch = false, as_delivery_agent = false;
    bool as_json = false;
    std::string config, mail_dir;
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

int batch(bool as_delivery_agent)
{
    std::string line;
    while (std::getline(std::cin, line)) {
        if (line.find_first_not_of(" \t\r") == line.npos)
            continue;
        json answer;
        try {
            FilterCase given = read_case(json::parse(line));
            given.as_delivery_agent = as_delivery_agent;
            answer = run_case(given);
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

int one_message(const Arguments& given)
{
    const auto rc = read_file(given.rc);
    const auto message = read_file(given.message);
    if (!rc || !message) {
        std::cerr << "postern: cannot read " << (rc ? given.message : given.rc)
                  << '\n';
        return EX_NOINPUT;
    }
    FilterCase made;
    made.rc = *rc;
    made.rc_name = given.rc;
    made.message = to_lf(*message);
    made.from = given.from.empty() ? "MAILER-DAEMON" : given.from;
    made.arguments = {*made.from, given.recipient};
    made.presets = given.variables;
    const std::size_t at = given.recipient.find('@');
    if (!given.recipient.empty())
        made.user = given.recipient.substr(0, at);
    made.home = "/home/" + made.user;
    made.host = host_name();
    made.now = std::time(nullptr);
    made.as_delivery_agent = given.as_delivery_agent;
    const json answer = run_case(made);
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
    app.add_option("--compat", given.compat, "tell what of rc files works");
    app.add_option("--config", given.config, "postern.yaml; not used here");
    app.add_option("--mail-dir", given.mail_dir, "not used here");
    app.add_option("MESSAGE", given.message, "file, or - for stdin");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? EX_OK : EX_USAGE;
    }
    if (given.batch)
        return batch(given.as_delivery_agent);
    if (!given.compat.empty())
        return compat(given.compat, given.as_json);
    if (given.rc.empty() || given.message.empty()) {
        std::cerr << "postern: filter needs --rc FILE and a MESSAGE\n";
        return EX_USAGE;
    }
    return one_message(given);
}

}  // namespace milters::postern
