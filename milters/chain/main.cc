// postern-milter: relay-milter, virus-milter and filter-milter in one process
// and on one socket.  See postern-milter(8).
#include <algorithm>

#include "milters/chain/chain.h"
#include "milters/filter/part.h"
#include "milters/milter/milter.h"
#include "milters/milter/prepare.h"
#include "milters/relay/part.h"
#include "milters/virus/part.h"

namespace {

using namespace milters;

/// Those that are wanted, in the order in which sendmail should have them.
std::vector<milter::PartKind> parts(const policy::config::Config& config)
{
    const auto& wanted = config.postern.milters;
    std::vector<milter::PartKind> out;
    for (const auto& kind : {relay::part, virus::part, filter::part})
        if (std::find(wanted.begin(), wanted.end(), kind.section) !=
            wanted.end())
            out.push_back(kind);
    return out;
}

}  // namespace

int main(int argc, char** argv)
{
    const milter::Milter postern_milter{
        .name = "postern-milter",
        .purpose =
            "relay-milter, virus-milter and filter-milter in one "
            "process: mail passes once for all three.",
        .prepare =
            [](auto& service, const auto& options, const auto& config) {
                return prepare(service, options, config.user, config.postern);
            },
        .parts = parts,
        .combine = chain::combine};
    return run_milter(argc, argv, postern_milter);
}
