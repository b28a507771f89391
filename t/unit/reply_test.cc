// The reply that libmilter gets: code, enhanced code, text.
#define BOOST_TEST_DYN_LINK
#include "milters/milter/reply.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>

#include "milters/milter/session.h"
#include "milters/milter/smfi.h"
#include "policy/log.h"

using namespace milters::milter;
namespace data = boost::unit_test::data;

namespace {

struct Case {
    policy::Reply in;
    std::string code, enhanced;
    std::vector<std::string> lines;
};

std::ostream& operator<<(std::ostream& out, const Case& c)
{
    return out << c.in.code << ' ' << c.in.enhanced << ' '
               << policy::printable(c.in.text);
}

const std::string own_failure =
    "Temporary system failure. Please try again later.";

const Case cases[] = {
    {{550, "5.7.1", "no"}, "550", "5.7.1", {"no"}},
    {{451, "4.3.0", ""}, "451", "4.3.0", {""}},
    // A code that refuses nothing must not become an accept.
    {{250, "2.0.0", "ok"}, "451", "4.3.0", {own_failure}},
    {{354, "", "go on"}, "451", "4.3.0", {own_failure}},
    {{0, "", ""}, "451", "4.3.0", {own_failure}},
    {{600, "5.0.0", "x"}, "451", "4.3.0", {own_failure}},
    {{399, "", ""}, "451", "4.3.0", {own_failure}},
    {{400, "", "x"}, "400", "", {"x"}},
    {{599, "", "x"}, "599", "", {"x"}},
    // Enhanced codes.
    {{550, "", "x"}, "550", "", {"x"}},
    {{550, "5.7", "x"}, "550", "", {"x"}},
    {{550, "5.7.", "x"}, "550", "", {"x"}},
    {{550, "5..1", "x"}, "550", "", {"x"}},
    {{550, "3.7.1", "x"}, "550", "", {"x"}},
    {{550, "5.7.1 ", "x"}, "550", "", {"x"}},
    {{550, "5.1234.1", "x"}, "550", "", {"x"}},
    {{550, "5.123.999", "x"}, "550", "5.123.999", {"x"}},
    {{550, "D.S.N", "x"}, "550", "", {"x"}},
    {{550, "4.7.1", "map says so"}, "550", "4.7.1", {"map says so"}},
    // Percent signs, control bytes, lines.
    {{550, "", "50% of 100%s"}, "550", "", {"50%% of 100%%s"}},
    {{550, "",
      "a\tb\x01"
      "c\x7f"},
     "550",
     "",
     {"a b c "}},
    {{550, "", "f\xc3\xbcr"}, "550", "", {"f\xc3\xbcr"}},
    {{550, "", "one\ntwo\r\nthree\rfour"},
     "550",
     "",
     {"one", "two", "three", "four"}},
    {{550, "", "one\r\n"}, "550", "", {"one"}},
    {{550, "", "one\n\ntwo\n\n"}, "550", "", {"one", "", "two"}},
    {{421, "4.7.0", "bye"}, "421", "4.7.0", {"bye"}},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(reply)

BOOST_DATA_TEST_CASE(made_fit, data::make(cases), c)
{
    const auto out = wire_reply(c.in);
    BOOST_TEST(out.code == c.code);
    BOOST_TEST(out.enhanced == c.enhanced);
    BOOST_TEST(out.lines == c.lines, boost::test_tools::per_element());
    BOOST_TEST(out.temporary() == (c.code.front() == '4'));
}

BOOST_AUTO_TEST_CASE(lines_at_the_limit_and_one_past_it)
{
    const std::string full(max_reply_line, 'x');
    BOOST_TEST(wire_reply({550, "", full}).lines.size() == 1U);
    const auto two = wire_reply({550, "", full + "y"}).lines;
    BOOST_TEST(two.size() == 2U);
    BOOST_TEST(two.at(1) == "y");
    const auto at_blank = wire_reply({550, "", full + " y"}).lines;
    BOOST_TEST(at_blank.at(0) == full);
    BOOST_TEST(at_blank.at(1) == "y");
}

BOOST_AUTO_TEST_CASE(a_doubled_percent_sign_is_never_cut_in_two)
{
    for (std::size_t blanks = 0; blanks < 5; ++blanks) {
        const std::string text =
            std::string(blanks, 'x') + std::string(2000, '%');
        std::string all;
        for (const auto& line : wire_reply({550, "", text}).lines) {
            BOOST_TEST(line.size() <= max_reply_line);
            BOOST_TEST(std::count(line.begin(), line.end(), '%') % 2 == 0);
            all += line;
        }
        BOOST_TEST(all == std::string(blanks, 'x') + std::string(4000, '%'));
    }
}

BOOST_AUTO_TEST_CASE(no_more_lines_than_libmilter_takes)
{
    std::string text;
    for (int i = 0; i < 100; ++i)
        text += std::to_string(i) + "\n";
    const auto lines = wire_reply({550, "", text}).lines;
    BOOST_TEST(lines.size() == max_reply_lines);
    BOOST_TEST(lines.back() == "31");
}

BOOST_AUTO_TEST_CASE(legal_answers_by_stage)
{
    using Kind = Answer::Kind;
    for (int i = 0; i <= static_cast<int>(Stage::eom); ++i) {
        const auto stage = static_cast<Stage>(i);
        BOOST_TEST_CONTEXT(policy::name_of(stage))
        {
            const bool early = stage == Stage::connect || stage == Stage::helo;
            BOOST_TEST(is_legal(stage, Kind::proceed));
            BOOST_TEST(is_legal(stage, Kind::accept));
            BOOST_TEST(is_legal(stage, Kind::discard) == !early);
            BOOST_TEST(is_legal(stage, Kind::refuse) ==
                       (stage != Stage::connect));
            BOOST_TEST(is_legal(stage, Kind::skip) == (stage == Stage::body));
        }
    }
}

BOOST_AUTO_TEST_CASE(terms_ask_for_no_more_than_is_needed_and_offered)
{
    Needs needs;
    needs.want_silently(Stage::connect).want(Stage::rcpt);
    needs.quarantine = true;
    const auto all = terms_for(needs, {0x1ff, 0x1fffff});
    BOOST_TEST(all.actions == (SMFIF_QUARANTINE | SMFIF_SETSYMLIST));
    BOOST_TEST(all.protocol ==
               (SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NODATA | SMFIP_NOHDRS |
                SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NR_CONN));
    const auto none = terms_for(needs, {0, 0});
    BOOST_TEST(none.actions == 0U);
    BOOST_TEST(none.protocol == 0U);
    Needs body;
    body.want(Stage::body);
    BOOST_TEST((terms_for(body, {0x1ff, 0x1fffff}).protocol & SMFIP_SKIP) != 0);
    BOOST_TEST((terms_for(body, {0x1ff, 0x3ff}).protocol & SMFIP_SKIP) == 0);
}

BOOST_AUTO_TEST_CASE(a_header_stays_one)
{
    BOOST_TEST(wire_header("plain") == "plain");
    BOOST_TEST(wire_header("") == "");
    BOOST_TEST(wire_header("a\n b\n\tc") == "a\n b\n\tc");
    BOOST_TEST(wire_header("a\r\n b") == "a\n b");
    BOOST_TEST(wire_header("a\nX: b") == "a\n\tX: b");
    BOOST_TEST(wire_header("a\r\nX: b") == "a\n\tX: b");
    BOOST_TEST(wire_header("a\n\nbody") == "a\n\t\n\tbody");
    BOOST_TEST(wire_header("a\rX: b") == "aX: b");
    BOOST_TEST(wire_header("a\n") == "a");
    BOOST_TEST(wire_header("a\r\n\r\n") == "a");
}

BOOST_AUTO_TEST_SUITE_END()
