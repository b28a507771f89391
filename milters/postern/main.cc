// postern: the administrator's command.  Its first word chooses what it does.
#include <sysexits.h>

#include <iostream>
#include <string_view>

#include "milters/postern/check.h"
#include "milters/postern/config.h"
#include "milters/postern/explain.h"
#include "milters/postern/filter.h"
#include "milters/postern/import.h"
#include "milters/postern/quarantine.h"
#include "milters/postern/replay.h"
#include "milters/postern/scan.h"
#include "milters/postern/virus.h"

namespace {

struct Command {
    std::string_view name;
    int (*run)(int argc, const char* const* argv);
    const char* about;
};

constexpr Command commands[] = {
    {"check", milters::postern::check, "find what is wrong with this host"},
    {"config", milters::postern::show_config, "print the settings in force"},
    {"explain", milters::postern::explain, "tell what would happen, and why"},
    {"filter", milters::postern::filter, "run recipes on a message"},
    {"import", milters::postern::import_from, "read another configuration"},
    {"quarantine", milters::postern::quarantine, "list and release kept mail"},
    {"replay", milters::postern::replay, "run recipes on stored mail"},
    {"scan", milters::postern::scan, "scan files for viruses"},
    {"virus", milters::postern::virus, "ask the virus-milter that runs"},
};

void list_commands(std::ostream& out)
{
    out << "usage: postern COMMAND [ARGUMENT...]\n";
    for (const Command& command : commands)
        out << "  " << command.name << "  " << command.about << '\n';
    out << "postern COMMAND --help tells more\n";
}

}  // namespace

int main(int argc, char** argv)
{
    for (const Command& command : commands)
        if (argc > 1 && command.name == argv[1])
            return command.run(argc - 1, argv + 1);
    const std::string_view word = argc > 1 ? argv[1] : "";
    const bool asked = word == "--help" || word == "-h";
    list_commands(asked ? std::cout : std::cerr);
    return asked ? EX_OK : EX_USAGE;
}
