// relay-milter: who may send through this host.  See relay-milter(8).
#include <sysexits.h>

#include <iostream>

#include "milters/relay/program.h"

int main(int argc, char** argv)
{
    using namespace milters;
    const auto parsed =
        milter::parse_options(argc, argv, relay::program_name, relay::purpose);
    if (!parsed.options)
        return parsed.exit_code;
    const auto loaded = policy::config::load(parsed.options->config);
    for (const auto& problem : loaded.problems)
        std::cerr << relay::program_name << ": " << problem << '\n';
    if (!loaded.config)
        return EX_CONFIG;
    relay::RelayMilter milter{*parsed.options, loaded.config};
    return parsed.options->check_only ? milter.check() : milter.run();
}
