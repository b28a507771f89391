// relay-milter: who may send through this host.  See relay-milter(8).
#include "milters/milter/milter.h"
#include "milters/milter/prepare.h"
#include "milters/relay/part.h"

int main(int argc, char** argv)
{
    using namespace milters;
    const milter::Milter relay_milter{
        .name = relay::part.program,
        .purpose =
            "Decides who may relay mail through this host: a milter for "
            "sendmail and Postfix,\na socketmap and policy server, and "
            "the keeper of POP-before-SMTP grants.",
        .prepare =
            [](auto& service, const auto& options, const auto& config) {
                return prepare(service, options, config.user, config.relay);
            },
        .parts = [](const auto&) { return std::vector{relay::part}; }};
    return run_milter(argc, argv, relay_milter);
}
