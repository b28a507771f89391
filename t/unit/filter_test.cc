// Recipients' answers put together, and what is remembered between messages.
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "policy/filter/apart.h"
#include "policy/filter/combine.h"
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
    BOOST_TEST(told({tempfail, plain}, false) == "tempfail differ 0 1");
    BOOST_TEST(told({tagged("1"), plain}, false) == "accept differ");
}

BOOST_AUTO_TEST_CASE(kinds_are_kept_apart_for_a_time)
{
    Apart apart;
    const Seconds now{};
    const auto waits = [&](const char* sender, Strings taken, const char* rcpt,
                           Seconds when) {
        Apart::Transaction transaction{std::move(taken), {}};
        return apart.must_wait(sender, transaction, rcpt, when);
    };
    BOOST_TEST(!waits("s", {"a"}, "b", now));
    apart.remember("s", {"a", "b", "c"}, {0, 1, 0}, now);
    BOOST_TEST(waits("s", {"a"}, "b", now));
    BOOST_TEST(!waits("s", {}, "b", now));
    BOOST_TEST(!waits("t", {"a"}, "b", now));
    BOOST_TEST(
        waits("s", {"a"}, "b", now + apart_for - std::chrono::seconds{1}));
    BOOST_TEST(!waits("s", {"a"}, "b", now + apart_for));
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
    const auto waits = [&](const char* sender, const char* taken,
                           const char* rcpt) {
        Apart::Transaction transaction{{taken}, {}};
        return apart.must_wait(sender, transaction, rcpt, now);
    };
    BOOST_TEST(waits("s", "a", "b"));
    apart.remember("u", {"one", "more"}, {0, 1}, now);
    BOOST_TEST(!waits("s", "a", "b"));
    BOOST_TEST(waits("t", "0", "1"));
}

/// A client that tries recipients in their order until none is left; who
/// refuses for now is in `never`.
std::vector<Strings> tries(Apart& apart, Strings left, const Strings& never,
                           std::size_t most)
{
    const auto refuses = [&](const std::string& rcpt) {
        return std::find(never.begin(), never.end(), rcpt) != never.end();
    };
    std::vector<Strings> out;
    while (!left.empty() && out.size() < most) {
        Apart::Transaction transaction;
        for (const std::string& rcpt : left)
            apart.must_wait("s", transaction, rcpt, Seconds{});
        const Strings& taken = transaction.taken;
        const bool for_now = std::any_of(taken.begin(), taken.end(), refuses);
        if (!taken.empty())
            apart.answered("s", transaction, for_now);
        if (!for_now)
            std::erase_if(left, [&](const std::string& rcpt) {
                return std::find(taken.begin(), taken.end(), rcpt) !=
                       taken.end();
            });
        out.push_back(taken);
    }
    return out;
}

BOOST_AUTO_TEST_CASE(who_refuses_for_now_does_not_hold_up_others_for_ever)
{
    Apart apart;
    apart.remember("s", {"bad", "b", "c"}, {0, 1, 2}, Seconds{});
    const auto done = tries(apart, {"bad", "b", "c"}, {"bad"}, 9);
    const std::vector<Strings> wanted = {
        {"bad"}, {"b"}, {"c"}, {"bad"}, {"bad"}};
    for (std::size_t i = 0; i < wanted.size(); ++i)
        BOOST_TEST(done.at(i) == wanted[i], boost::test_tools::per_element());
    // Who is not there any more is waited for once.
    apart.remember("s", {"d", "e"}, {0, 1}, Seconds{});
    BOOST_TEST(tries(apart, {"d", "e"}, {"d"}, 1)[0] == Strings{"d"},
               boost::test_tools::per_element());
    const auto alone = tries(apart, {"d"}, {"d"}, 4);
    BOOST_TEST(alone[0].empty());
    for (std::size_t i = 1; i < alone.size(); ++i)
        BOOST_TEST(alone[i] == Strings{"d"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(those_of_one_kind_come_together)
{
    Apart apart;
    apart.remember("s", {"a", "b", "a", "c", "d"}, {0, 1, 0, 0, 1}, Seconds{});
    const auto done = tries(apart, {"a", "b", "c", "d"}, {}, 9);
    const std::vector<Strings> wanted = {{"a", "c"}, {"b", "d"}};
    BOOST_REQUIRE_EQUAL(done.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
        BOOST_TEST(done[i] == wanted[i], boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(many_who_refuse_for_now_let_all_others_through)
{
    Apart apart;
    const Strings bad = {"1", "2", "3", "4", "5", "6"};
    Strings all = bad;
    all.push_back("good");
    apart.remember("s", all, {0, 1, 2, 3, 4, 5, 6}, Seconds{});
    const auto done = tries(apart, all, bad, 40);
    const auto good = std::find(done.begin(), done.end(), Strings{"good"});
    BOOST_REQUIRE(good != done.end());
    BOOST_TEST((good - done.begin()) < 20);
}

BOOST_AUTO_TEST_CASE(who_differ_again_come_alone)
{
    Apart apart;
    const Seconds now{};
    apart.remember("s", {"a", "b", "c"}, {0, 0, 1}, now);
    // A client may name somebody twice.
    apart.remember("s", {"a", "b", "a"}, {0, 1, 0}, now);
    const auto done = tries(apart, {"a", "b", "c"}, {}, 9);
    const std::vector<Strings> wanted = {{"a"}, {"b"}, {"c"}};
    BOOST_REQUIRE_EQUAL(done.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
        BOOST_TEST(done[i] == wanted[i], boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(message_ids_are_remembered_up_to_the_limit)
{
    Seen seen;
    const SeenCache c{"", "c"};
    for (std::size_t i = 0; i < seen_ids; ++i)
        seen.add(c, std::to_string(i));
    BOOST_TEST(seen.contains(c, "0"));
    BOOST_TEST(!seen.contains({"", "d"}, "0"));
    BOOST_TEST(!seen.contains({"alice", "c"}, "0"));
    seen.add(c, "one more");
    BOOST_TEST(!seen.contains(c, "0"));
    BOOST_TEST(seen.contains(c, "1"));
    seen.add(c, std::string(seen_id_bytes, 'x'));
    BOOST_TEST(seen.contains(c, std::string(seen_id_bytes, 'x')));
    seen.add(c, std::string(seen_id_bytes + 1, 'x'));
    BOOST_TEST(!seen.contains(c, std::string(seen_id_bytes + 1, 'x')));
    seen.add(c, "");
    BOOST_TEST(!seen.contains(c, ""));
}

BOOST_AUTO_TEST_CASE(caches_of_one_are_not_at_the_expense_of_others)
{
    Seen seen;
    seen.add({"", "site"}, "id");
    seen.add({"bob", "his"}, "id");
    for (std::size_t i = 0; i < seen_caches; ++i)
        seen.add({"alice", std::to_string(i)}, "id");
    BOOST_TEST(seen.contains({"alice", "0"}, "id"));
    seen.add({"alice", "new"}, "id");
    BOOST_TEST(!seen.contains({"alice", "0"}, "id"));
    BOOST_TEST(seen.contains({"alice", "new"}, "id"));
    BOOST_TEST(seen.contains({"bob", "his"}, "id"));
    for (std::size_t i = 0; i < seen_users; ++i)
        seen.add({std::to_string(i), "c"}, "id");
    BOOST_TEST(!seen.contains({"bob", "his"}, "id"));
    BOOST_TEST(seen.contains({"", "site"}, "id"));
}

BOOST_AUTO_TEST_SUITE_END()
