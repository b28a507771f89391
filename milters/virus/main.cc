// virus-milter: all mail scanned for viruses.  See virus-milter(8).
#include "milters/milter/milter.h"
#include "milters/milter/prepare.h"
#include "milters/virus/part.h"

int main(int argc, char** argv)
{
    using namespace milters;
    const milter::Milter virus_milter{
        .name = virus::part.program,
        .purpose =
            "Has every message scanned by virus-scanner(8) and acts by "
            "what it finds.",
        .prepare =
            [](auto& service, const auto& options, const auto& config) {
                return prepare(service, options, config.user, config.virus);
            },
        .parts = [](const auto&) { return std::vector{virus::part}; }};
    return run_milter(argc, argv, virus_milter);
}
