// Recipients' answers put together, and what is remembered between messages.
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "policy/filter/apart.h"
#include "policy/filter/combine.h"
#include "policy/filter/lookups.h"
#include "policy/filter/seen.h"
#include "policy/map/map.h"

using namespace policy;
using namespace policy::filter;

namespace {

using Strings = std::vector<std::string>;

SmtpOutcome refused(Verdict verdict, const std::string& text)
{
    SmtpOutcome out;
    out.verdict = verdict;
    out.reply = {verdict == Verdict::reject ? 550 : 451, "5.7.1", text};
    return out;
}

SmtpOutcome discarded(const Strings& copies = {})
{
    SmtpOutcome out;
    out.verdict = Verdict::discard;
    out.forwards = copies;
    return out;
}

SmtpOutcome sent(bool redirected, const Strings& to)
{
    SmtpOutcome out;
    out.redirected = redirected;
    out.forwards = to;
    return out;
}

SmtpOutcome tagged(const std::string& value)
{
    SmtpOutcome out;
    out.headers.push_back({HeaderEdit::Kind::add, "X", value, 0});
    return out;
}

const SmtpOutcome reject = refused(Verdict::reject, "no");
const SmtpOutcome tempfail = refused(Verdict::tempfail, "later");
const SmtpOutcome plain;

/// The answer as one line: verdict, recipients left off, addresses added.
std::string told(const std::vector<SmtpOutcome>& outcomes, bool apart = true)
{
    std::vector<Copy> copies;
    const char* const names[] = {"<a@x>", "<b@x>", "<c@x>"};
    for (const SmtpOutcome& outcome : outcomes)
        copies.push_back({names[copies.size()], outcome});
    const Acts acts = combine(copies, apart);
    std::string out = name_of(acts.verdict);
    if (acts.differ)
        out += " differ";
    for (const std::size_t kind : acts.kinds)
        out += " " + std::to_string(kind);
    for (const std::size_t i : acts.removed)
        out += " -" + copies[i].rcpt;
    for (const std::string& address : acts.added)
        out += " +" + address;
    for (const HeaderEdit& edit : acts.headers)
        out += " " + edit.name + ":" + edit.value;
    return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(filter)

BOOST_AUTO_TEST_CASE(recipients_who_agree)
{
    BOOST_TEST(told({plain, plain}) == "accept");
    BOOST_TEST(told({reject, reject}) == "reject");
    BOOST_TEST(told({discarded(), discarded()}) == "discard");
    BOOST_TEST(told({tagged("1"), tagged("1")}) == "accept X:1");
    BOOST_TEST(told({discarded(), plain}) == "accept -<a@x>");
    BOOST_TEST(told({discarded(), reject}) == "reject");
    BOOST_TEST(told({reject, tempfail}) == "tempfail");
    BOOST_TEST(told({discarded(), tagged("1")}) == "accept -<a@x> X:1");
}

BOOST_AUTO_TEST_CASE(nobody_gets_two_copies_or_none)
{
    BOOST_TEST(told({sent(true, {"z@y"}), plain}) == "accept -<a@x> +z@y");
    BOOST_TEST(told({sent(false, {"z@y", "z@Y"})}) == "accept +z@y");
    BOOST_TEST(told({sent(true, {"b@x"}), plain}) == "accept -<a@x>");
    BOOST_TEST(told({sent(true, {"b@x"}), sent(true, {"a@x"})}) == "accept");
    BOOST_TEST(told({sent(true, {"b@x"}), discarded()}) == "accept -<a@x>");
    BOOST_TEST(told({discarded({"z@y"})}) == "accept -<a@x> +z@y");
    BOOST_TEST(told({sent(true, {"a@x"})}) == "accept");
    SmtpOutcome folder;
    folder.folder = "work";
    BOOST_TEST(told({folder, plain}) == "accept -<a@x> +a+work@x");
}

BOOST_AUTO_TEST_CASE(recipients_who_disagree)
{
    BOOST_TEST(told({reject, plain}) == "tempfail differ 0 1");
    BOOST_TEST(told({reject, plain, reject}) == "tempfail differ 0 1 0");
    BOOST_TEST(told({plain, discarded(), tagged("1")}) ==
               "tempfail differ 0 0 1");
    BOOST_TEST(told({reject, plain}, false) == "accept differ -<a@x>");
    BOOST_TEST(told({tempfail, plain}, false) == "tempfail");
    BOOST_TEST(told({tagged("1"), plain}, false) == "accept differ");
}

BOOST_AUTO_TEST_CASE(kinds_are_kept_apart_for_a_time)
{
    Apart apart;
    const Seconds now{};
    BOOST_TEST(!apart.must_wait("s", {"a"}, "b", now));
    apart.remember("s", {"a", "b", "c"}, {0, 1, 0}, now);
    BOOST_TEST(apart.must_wait("s", {"a"}, "b", now));
    BOOST_TEST(!apart.must_wait("s", {"a"}, "c", now));
    BOOST_TEST(!apart.must_wait("s", {}, "b", now));
    BOOST_TEST(!apart.must_wait("t", {"a"}, "b", now));
    BOOST_TEST(apart.must_wait("s", {"a"}, "b",
                               now + apart_for - std::chrono::seconds{1}));
    BOOST_TEST(!apart.must_wait("s", {"a"}, "b", now + apart_for));
}

BOOST_AUTO_TEST_CASE(as_many_pairs_as_the_limit_are_remembered)
{
    Apart apart;
    const Seconds now{};
    apart.remember("s", {"a", "b"}, {0, 1}, now);
    Strings names;
    std::vector<std::size_t> kinds;
    for (std::size_t i = 0; i + 2 < apart_pairs; ++i) {
        names.push_back(std::to_string(i));
        kinds.push_back(i);
    }
    apart.remember("t", names, kinds, now);
    BOOST_TEST(apart.must_wait("s", {"a"}, "b", now));
    apart.remember("u", {"one", "more"}, {0, 1}, now);
    BOOST_TEST(!apart.must_wait("s", {"a"}, "b", now));
    BOOST_TEST(apart.must_wait("t", {"0"}, "1", now));
}

BOOST_AUTO_TEST_CASE(message_ids_are_remembered_up_to_the_limit)
{
    Seen seen;
    for (std::size_t i = 0; i < seen_ids; ++i)
        seen.add("c", std::to_string(i));
    BOOST_TEST(seen.contains("c", "0"));
    BOOST_TEST(!seen.contains("d", "0"));
    seen.add("c", "one more");
    BOOST_TEST(!seen.contains("c", "0"));
    BOOST_TEST(seen.contains("c", "1"));
    seen.add("c", std::string(seen_id_bytes, 'x'));
    BOOST_TEST(seen.contains("c", std::string(seen_id_bytes, 'x')));
    seen.add("c", std::string(seen_id_bytes + 1, 'x'));
    BOOST_TEST(!seen.contains("c", std::string(seen_id_bytes + 1, 'x')));
    seen.add("c", "");
    BOOST_TEST(!seen.contains("c", ""));
    Seen many;
    for (std::size_t i = 0; i < seen_caches; ++i)
        many.add(std::to_string(i), "id");
    BOOST_TEST(many.contains("0", "id"));
    many.add("0", "other");
    BOOST_TEST(many.contains("0", "id"));
    many.add("new", "id");
    BOOST_TEST(!many.contains("0", "id"));
}

BOOST_AUTO_TEST_CASE(keys_of_lookups)
{
    const Strings address = {"from:u@h.d.e", "from:h.d.e", "from:d.e", "from:e",
                             "from:u@"};
    BOOST_TEST(Lookups::keys_of("From:u@H.d.e") == address,
               boost::test_tools::per_element());
    const Strings network = {"192.0.2.1", "192.0.2", "192.0", "192"};
    BOOST_TEST(Lookups::keys_of("192.0.2.1") == network,
               boost::test_tools::per_element());
    BOOST_TEST(Lookups::keys_of("Connect:2001:db8::1").back() ==
               "connect:ipv6:2001");
}

BOOST_AUTO_TEST_CASE(lookups_in_access)
{
    const auto map = map::from_text("From:d.e REJECT\n192.0.2 OK\n", "t");
    BOOST_REQUIRE(map);
    const Lookups lookups{map::fixed(*map, "t"), {{"none", "/nonexistent"}}};
    BOOST_TEST(lookups.find("access", "From:u@h.d.e")->value() == "REJECT");
    BOOST_TEST(lookups.find("access", "192.0.2.77")->value() == "OK");
    BOOST_TEST(!lookups.find("access", "To:d.e")->has_value());
    BOOST_TEST(!lookups.find("none", "x").has_value());
    BOOST_TEST((lookups.find("other", "x").error().code == Errc::usage));
}

BOOST_AUTO_TEST_SUITE_END()
