#include "milters/filter/turns.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <thread>

using milters::filter::Turns;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(turns)

BOOST_AUTO_TEST_CASE(a_user_has_one_at_a_time)
{
    Turns turns;
    auto first = turns.take("alice", 0ms);
    BOOST_REQUIRE(first);
    BOOST_TEST(!turns.take("alice", 20ms));
    BOOST_TEST(!!turns.take("bob", 0ms));
    first.reset();
    BOOST_TEST(!!turns.take("alice", 0ms));
    BOOST_TEST(!!turns.take("alice", 0ms));
}

BOOST_AUTO_TEST_CASE(who_waits_gets_it_when_it_is_over)
{
    Turns turns;
    auto first = turns.take("alice", 0ms);
    bool got = false;
    std::thread other{[&] { got = turns.take("alice", 60s) != nullptr; }};
    std::this_thread::sleep_for(20ms);
    first.reset();
    other.join();
    BOOST_TEST(got);
}

BOOST_AUTO_TEST_SUITE_END()
