#include "milters/postern/virus.h"

#include <sysexits.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "milters/control/client.h"
#include "policy/config/config.h"

namespace milters::postern {
namespace {

using control::Json;

constexpr std::chrono::seconds patience{10};

/// `name: value` lines; what is nested keeps its names before it.
void print(const Json& object, const std::string& before = "")
{
    for (const auto& [name, value] : object.items()) {
        const std::string full = before + name;
        if (value.is_structured() && !value.empty())
            print(value, full + ".");
        else if (full != "ok")
            std::cout << full << ": "
                      << (value.is_string()       ? value.get<std::string>()
                          : value.is_structured() ? "none"
                                                  : value.dump())
                      << '\n';
    }
}

int needs_care(const Json& status)
{
    return !status.value("ready", false) || status.value("stale", true) ||
           !status.value("last_error", std::string{}).empty();
}

int ask(const std::string& socket, const std::string& command, bool as_json)
{
    auto client = control::Client::connect(socket, patience);
    if (!client) {
        std::cerr << "postern: " << client.error().text << '\n';
        return control::exit_code(client.error().code);
    }
    const auto answer = client->ask({{"command", command}});
    if (!answer) {
        std::cerr << "postern: " << answer.error().text << '\n';
        return control::exit_code(answer.error().code);
    }
    if (!answer->value("ok", false)) {
        std::cerr << "postern: " << answer->value("error", "failed") << '\n';
        return answer->value("exit", EX_SOFTWARE);
    }
    if (command == "metrics")
        std::cout << answer->value("text", "");
    else if (as_json)
        std::cout << answer->dump() << '\n';
    else
        print(*answer);
    return command == "status" ? needs_care(*answer) : EX_OK;
}

}  // namespace

int virus(int argc, const char* const* argv)
{
    std::string file = policy::config::default_file;
    std::string command;
    bool as_json = false;
    CLI::App app{"Asks the virus-milter that runs.", "postern virus"};
    app.add_option("-c,--config", file, "postern.yaml");
    app.add_flag("--json", as_json, "the answer as JSON");
    app.add_option("command", command, "what to ask")
        ->required()
        ->check(CLI::IsMember({"status", "stats", "metrics", "reload"}));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? EX_OK : EX_USAGE;
    }
    const auto loaded = policy::config::load(file);
    for (const auto& problem : loaded.problems)
        std::cerr << "postern: " << problem << '\n';
    if (!loaded.config)
        return EX_CONFIG;
    const auto& socket = loaded.config->virus.control_socket;
    if (socket.kind != policy::config::SocketSpec::Kind::unix_path) {
        std::cerr << "postern: virus.control_socket is no unix socket\n";
        return EX_CONFIG;
    }
    return ask(socket.path, command, as_json);
}

}  // namespace milters::postern
