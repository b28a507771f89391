// filter-milter: procmail recipes while the SMTP client waits.  See
// filter-milter(8).
#include "milters/filter/part.h"
#include "milters/milter/milter.h"
#include "milters/milter/prepare.h"

int main(int argc, char** argv)
{
    using namespace milters;
    const milter::Milter filter_milter{
        .name = filter::part.program,
        .purpose =
            "Runs procmail recipes on mail and does what they say while "
            "the SMTP client waits.",
        .prepare =
            [](auto& service, const auto& options, const auto& config) {
                return prepare(service, options, config.user, config.filter);
            },
        .parts = [](const auto&) { return std::vector{filter::part}; }};
    return run_milter(argc, argv, filter_milter);
}
