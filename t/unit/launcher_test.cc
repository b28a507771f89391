// Programs that recipes start: what they may write, and how long they may run.
#define BOOST_TEST_DYN_LINK
#include "milters/filter/launcher.h"

#include <boost/test/unit_test.hpp>

#include "policy/recipe/limits.h"

using milters::filter::Launcher;
using policy::recipe::limits::program_output;

namespace {

policy::recipe::ProgramResult run(
    const std::vector<std::string>& words, std::string_view input = {},
    std::chrono::milliseconds limit = std::chrono::seconds{60})
{
    const auto launcher = Launcher::start(std::nullopt);
    BOOST_REQUIRE(launcher);
    return (*launcher)->run(words, input, limit);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(launcher)

BOOST_AUTO_TEST_CASE(as_much_as_the_limit_may_be_written)
{
    const auto write = [](std::size_t bytes) {
        return run({"/usr/bin/head", "-c", std::to_string(bytes), "/dev/zero"});
    };
    const auto most = write(program_output);
    BOOST_TEST(most.status == 0);
    BOOST_TEST(most.output.size() == program_output);
    BOOST_TEST(most.error == "");
    const auto more = write(program_output + 1);
    BOOST_TEST(more.status != 0);
    BOOST_TEST(more.output.empty());
    BOOST_TEST(more.error != "");
}

BOOST_AUTO_TEST_CASE(no_shell_no_variables_and_an_end)
{
    BOOST_TEST(run({"/usr/bin/printf", "%s", "$HOME;id"}).output == "$HOME;id");
    BOOST_TEST(run({"/usr/bin/env"}).output == "PATH=/usr/bin:/bin\n");
    BOOST_TEST(run({"/usr/bin/pwd"}).output == "/\n");
    BOOST_TEST(run({"/bin/cat"}, "in\nput").output == "in\nput");
    BOOST_TEST(run({"/usr/bin/false"}).status == 1);
    BOOST_TEST(run({"/nonexistent"}).status == 127);
    const auto slow =
        run({"/usr/bin/sleep", "60"}, {}, std::chrono::milliseconds{50});
    BOOST_TEST(slow.status > 128);
}

BOOST_AUTO_TEST_SUITE_END()
