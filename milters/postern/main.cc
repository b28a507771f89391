// postern: the administrator's command.  Its first word chooses what it does.
#include <sysexits.h>

#include <iostream>
#include <string_view>

#include "milters/postern/check.h"
#include "milters/postern/explain.h"
#include "milters/postern/filter.h"
#include "milters/postern/quarantine.h"
#include "milters/postern/scan.h"
#include "milters/postern/virus.h"

namespace {

struct Command {
    std::string_view name;
    int (*run)(int argc, const char* const* argv);
    const char* about;
};

constexpr Command commands[] = {
    {"check", milters::postern::check, "find mistakes in access.db"},
    {"explain", milters::postern::explain, "tell what would happen, and why"},
    {"filter", milters::postern::filter, "run recipes on a message"},
    {"quarantine", milters::postern::quarantine, "list and release kept mail"},
    {"scan", milters::postern::scan, "scan files for viruses"},
    {"virus", milters::postern::virus, "ask the virus-milter that runs"},
};

int usage()
{
    std::cerr << "usage: postern COMMAND [ARGUMENT...]\n";
    for (const Command& command : commands)
        std::cerr << "  " << command.name << "  " << command.about << '\n';
    return EX_USAGE;
}

}  // namespace

int main(int argc, char** argv)
{
    for (const Command& command : commands)
        if (argc > 1 && command.name == argv[1])
            return command.run(argc - 1, argv + 1);
    return usage();
}
