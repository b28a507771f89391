#include "policy/map/access_value.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "policy/map/access.h"

namespace data = boost::unit_test::data;
using namespace policy;
using namespace policy::map;

BOOST_AUTO_TEST_SUITE(access_value)

struct Row {
    const char* value;
    const char* want;  ///< "accept", ..., or code, enhanced code and text
};
std::ostream& operator<<(std::ostream& os, const Row& r)
{
    return os << r.value;
}

const Row rows[] = {
    {"OK", "accept"},
    {"relay", "accept"},
    {"REJECT  ", "reject"},
    {"Discard", "discard"},
    {"RELAY (remark)", "accept"},
    {"QUARANTINE:held for  review", "quarantine held for review"},
    {"quarantine:\"as  is\"", "quarantine \"as  is\""},
    {"550 go  away,  now. see", "550 5.0.0 go away,now.see"},
    {"\"550 go  away\"", "550 5.0.0 go  away"},
    {"450 4.7.1 later", "450 4.7.1 later"},
    {"ERROR:5.7.1:550 no", "550 5.7.1 no"},
    {"ERROR:5.7.1:\"550 no\"", "550 5.7.1 no"},
    {"ERROR:5.7.1:550 5.1.1 text wins", "550 5.1.1 text wins"},
    {"ERROR:4.2.0:550 other class", "550 4.2.0 other class"},
    {"ERROR:\"451 later\"", "451 4.0.0 later"},
    {"ERROR:D.S.N:550 x", "550 5.0.0 x"},
    {"ERROR:nouser:550 x", "553 5.3.0 nouser:550 x"},
    {"ERROR:text", "553 5.3.0 text"},
    {"go away", "553 5.3.0 go away"},
    {"REJECT # remark", "553 5.3.0 REJECT # remark"},
    {"OK x", "553 5.3.0 OK x"},
    {"DISCARD:x", "553 5.3.0 DISCARD:x"},
    {"SKIP", "553 5.3.0 SKIP"},
    {"550", "553 5.3.0 550"},
    {"600 x", "553 5.3.0 600 x"},
    {"5500 x", "553 5.3.0 5500 x"},
    {"250 fine", "250 2.0.0 fine"},
    {"550 5.7.1", "550 5.0.0 5.7.1"},
    {"ERROR:5.1.1:550 5.7.1", "550 5.1.1 5.7.1"},
    {"\"550 5.7.1 \"", "550 5.7.1 "},
    {"ERROR:9.9.9:550 x", "550 5.0.0 x"},
    {"550 caf\xe9", "550 5.0.0 cafi"},
    {"550 \x8a"
     "b",
     "550 5.0.0 ?b"},
};

std::string shown(const Ruling& ruling)
{
    switch (ruling.kind) {
        case Ruling::Kind::accept:
            return "accept";
        case Ruling::Kind::reject:
            return "reject";
        case Ruling::Kind::discard:
            return "discard";
        case Ruling::Kind::quarantine:
            return "quarantine " + ruling.reply.text;
        case Ruling::Kind::reply:
            break;
    }
    return std::to_string(ruling.reply.code) + " " + ruling.reply.enhanced +
           " " + ruling.reply.text;
}

BOOST_DATA_TEST_CASE(right_hand_sides, data::make(rows))
{
    std::pmr::monotonic_buffer_resource memory;
    const auto value = value_tokens(sample.value, "key", &memory);
    BOOST_TEST(shown(ruling_of(value, {}, false, &memory)) == sample.want);
}

BOOST_AUTO_TEST_CASE(an_empty_text_takes_part_of_the_address)
{
    std::pmr::monotonic_buffer_resource memory;
    const auto value = value_tokens("ERROR:", "key", &memory);
    const auto address = tokenise("u<@d.example>", &memory);
    BOOST_TEST(shown(ruling_of(value, address, false, &memory)) ==
               "553 5.3.0 >u<@d.example");
    const auto client = tokenise("<192.0.2.4>", &memory);
    BOOST_TEST(shown(ruling_of(value, client, true, &memory)) ==
               "553 5.3.0 ERROR:");
}

BOOST_AUTO_TEST_CASE(an_angle_bracket_ends_a_text)
{
    std::pmr::monotonic_buffer_resource memory;
    const auto value = value_tokens("550 see <us> now", "key", &memory);
    const auto address = tokenise("u<@d>", &memory);
    BOOST_TEST(shown(ruling_of(value, address, false, &memory)) ==
               "550 5.0.0 see<us");
    const auto client = tokenise("<192.0.2.4>", &memory);
    BOOST_TEST(shown(ruling_of(value, client, true, &memory)) ==
               "550 5.0.0 see<us>now");
}

BOOST_AUTO_TEST_SUITE_END()
