#include "milters/vsmtprelay/options.h"

#include <sysexits.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

#include "milters/control/protocol.h"
#include "milters/vsmtprelay/text.h"
#include "policy/version.h"

namespace milters::vsmtprelay {
namespace {

/// What is printed when nothing is asked for.  The first line and the first
/// five commands are those of 1.1.0.
constexpr const char* usage =
    R"(vsmtprelay 1.1.0 usage (optional items in []):
  vsmtprelay add ip [ticks]     record an address (ticks: seconds since 1970)
  vsmtprelay delete ip [...]    remove addresses
  vsmtprelay expire [n]         remove addresses older than n minutes
  vsmtprelay list [n]           list addresses older than n minutes
  vsmtprelay dump               list all addresses, also of the future
  vsmtprelay show ip            all that lets an address relay
  vsmtprelay import [file]      add what dump or export printed
  vsmtprelay export             all addresses as lines of JSON
  vsmtprelay watch              follow what happens
  vsmtprelay stats              counts
  vsmtprelay verify             check the file, and with --repair rebuild it
Options: vsmtprelay --help, vsmtprelay list --help, vsmtprelay(8).
)";

/// As an error text, empty if it is fine; CLI11's own names a range with the
/// 309 digits of the largest double.
std::string minutes_problem(const std::string& text)
{
    std::int64_t n = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, ec] = std::from_chars(text.data(), end, n);
    return ec == std::errc{} && rest == end && n >= 0
               ? ""
               : text + ": not a number of minutes";
}

const char* const minutes_help =
    "Minutes since the login; without, all but those of the future";

void add_globals(CLI::App& app, Options& out)
{
    app.set_help_flag("-h,--help", "Print this help and exit");
    app.set_version_flag("-V,--version", std::string("vsmtprelay 1.1.0 "
                                                     "(Postern ") +
                                             policy::version + ")");
    auto* file =
        app.add_option("-f,--file", out.file, "Work on this file by itself")
            ->type_name("FILE");
    app.add_option("-s,--socket", out.socket, "Ask relay-milter at this socket")
        ->type_name("SOCKET")
        ->excludes(file);
    app.add_option("-c,--config", out.config,
                   "Configuration; default postern.yaml of the mail directory")
        ->type_name("FILE");
    app.add_option("--mail-dir", out.mail_dir,
                   "Where relayers.db is, when relay-milter does not run")
        ->type_name("DIR")
        ->capture_default_str();
    app.add_option("--state-dir", out.state_dir,
                   "Where a relay-milter that was killed left its journal")
        ->type_name("DIR");
}

void add_add(CLI::App& app, Options& out)
{
    auto* add = app.add_subcommand("add", "Record an address or network");
    add->add_option("ip", out.address, "Address, or network as 192.0.2.0/24")
        ->required();
    add->add_option("ticks", out.ticks,
                    "Time of the login in seconds since 1970; default now");
    add->add_option("--user", out.user, "Name that logged in");
    add->add_option("--service,--proto", out.service, "By what it logged in")
        ->check(CLI::IsMember({"pop3", "imap"}));
    add->add_option("--reason", out.reason, "Why, in your words");
    add->add_option_function<std::string>(
           "--for",
           [&out](const std::string& text) {
               out.length = parse_length(text);
               if (!out.length)
                   throw CLI::ValidationError(
                       "--for", text + ": not a length of time as 2h or 7d");
           },
           "How long it counts, in place of the window: 90s, 30m, 2h, 7d, 1w")
        ->type_name("TIME");
}

CLI::App* add_selection(CLI::App& app, Options& out, const char* name,
                        const char* about)
{
    auto* command = app.add_subcommand(name, about);
    command->add_option("n", out.minutes, minutes_help)->check(minutes_problem);
    return command;
}

void add_form(CLI::App* command, Options& out)
{
    auto* json = command->add_flag("--json", out.json, "A JSON object a line");
    command->add_flag("--makemap", out.makemap, "For makemap, no comments")
        ->excludes(json);
}

void add_list(CLI::App& app, Options& out)
{
    auto* list =
        add_selection(app, out, "list", "List addresses older than n minutes");
    add_form(list, out);
    list->add_option("--user", out.user, "Only logins of this name");
    list->add_option("--newer", out.newer,
                     "Only logins of the last so many minutes")
        ->check(minutes_problem)
        ->type_name("MINUTES");
    auto* expire = add_selection(app, out, "expire",
                                 "Remove addresses older than n minutes");
    expire->add_flag("--dry-run", out.dry_run, "List them only, as list does");
    add_form(app.add_subcommand("dump", "List all, also of the future"), out);
}

void add_others(CLI::App& app, Options& out)
{
    auto* remove = app.add_subcommand("delete", "Remove addresses");
    remove->add_option("ip", out.addresses, "Addresses or networks")
        ->required();
    auto* show = app.add_subcommand("show", "All that lets an address relay");
    show->add_option("ip", out.address, "Address or network")->required();
    show->add_flag("--json", out.json, "A JSON object a line");
    auto* import = app.add_subcommand(
        "import", "Add what dump or export printed; all or nothing is read");
    import->add_option("file", out.input, "Default: standard input");
    app.add_subcommand("export", "All addresses, a JSON object a line");
    app.add_subcommand("watch", "Print what happens until interrupted")
        ->add_flag("--json", out.json, "A JSON object a line");
    app.add_subcommand("stats", "Counts of relay-milter or of the file")
        ->add_flag("--json", out.json, "A JSON object");
    app.add_subcommand("verify", "Check every page of relayers.db")
        ->add_flag("--repair", out.repair,
                   "Rebuild it from the journal and what can be read");
}

}  // namespace

Parsed parse_options(int argc, const char* const* argv)
{
    if (argc < 2) {
        std::cout << usage;
        return {std::nullopt, EX_USAGE};
    }
    Options out;
    CLI::App app{"Manages relayers.db: who may relay after a POP or IMAP login",
                 "vsmtprelay"};
    add_globals(app, out);
    add_add(app, out);
    add_list(app, out);
    add_others(app, out);
    app.require_subcommand(1);
    app.failure_message([](const CLI::App*, const CLI::Error& e) {
        return std::string{"vsmtprelay: "} + e.what() +
               "\nvsmtprelay --help tells more.\n";
    });
    for (auto* command : app.get_subcommands({}))
        command->fallthrough();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int code = app.exit(e, std::cout, std::cerr);
        return {std::nullopt, code == 0 ? EX_OK : EX_USAGE};
    }
    out.command = app.get_subcommands().front()->get_name();
    out.mail_dir_given = app.count("--mail-dir") != 0;
    return {std::move(out), EX_OK};
}

}  // namespace milters::vsmtprelay
