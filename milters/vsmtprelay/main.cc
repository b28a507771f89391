// vsmtprelay: the administrator's command for relayers.db.  See vsmtprelay(8).
#include <sysexits.h>

#include <exception>
#include <iostream>

#include "milters/vsmtprelay/backend.h"
#include "milters/vsmtprelay/commands.h"
#include "milters/vsmtprelay/options.h"

int main(int argc, char** argv)
try {
    using namespace milters;
    const auto parsed = vsmtprelay::parse_options(argc, argv);
    if (!parsed.options)
        return parsed.exit_code;
    const auto ask = vsmtprelay::backend(*parsed.options);
    if (!ask) {
        std::cerr << "vsmtprelay: " << ask.error().text << '\n';
        return ask.error().code == policy::Errc::parse
                   ? EX_CONFIG
                   : control::exit_code(ask.error().code);
    }
    return vsmtprelay::run(*parsed.options, *ask, std::cout, std::cerr);
} catch (const std::exception& e) {
    std::cerr << "vsmtprelay: " << e.what() << '\n';
    return EX_SOFTWARE;
}
