#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "milters/scanner/clamd.h"
#include "milters/virus/header.h"
#include "milters/virus/message.h"
#include "policy/scan/plan.h"

BOOST_AUTO_TEST_SUITE(scan_plan)

using namespace policy::scan;
using milters::scanner::read_clamd_reply;
using milters::virus::HashOf;
using milters::virus::Message;

Outcome outcome(Action action)
{
    Outcome out;
    out.action = action;
    return out;
}

BOOST_AUTO_TEST_CASE(the_strictest_counts_for_all)
{
    const Plan plan = combine({outcome(Action::accept), outcome(Action::reject),
                               outcome(Action::tag)});
    BOOST_TEST(name_of(plan.action) == "reject");
    BOOST_TEST(plan.mixed);
    BOOST_TEST(plan.removed.empty());
    BOOST_TEST(name_of(combine({}).action) == "accept");
    BOOST_TEST(!combine({outcome(Action::tag), outcome(Action::tag)}).mixed);
}

BOOST_AUTO_TEST_CASE(discarding_is_for_some)
{
    const Plan some = combine({outcome(Action::discard), outcome(Action::tag),
                               outcome(Action::discard)});
    BOOST_TEST(name_of(some.action) == "tag");
    BOOST_TEST((some.removed == std::vector<std::size_t>{0, 2}));
    const Plan all = combine({outcome(Action::discard)});
    BOOST_TEST(name_of(all.action) == "discard");
    BOOST_TEST(all.removed.empty());
}

BOOST_AUTO_TEST_CASE(refusals_have_their_code)
{
    Outcome out = outcome(Action::reject);
    out.status = ScanStatus::infected;
    out.signature = "Worm.X";
    out.reason = "outbreak";
    BOOST_TEST((reply_for(out, "%s found") ==
                policy::Reply{550, "5.7.1", "Worm.X found (outbreak)"}));
    out.status = ScanStatus::oversize;
    BOOST_TEST(reply_for(out, "").code == 552);
    out.status = ScanStatus::error;
    BOOST_TEST(reply_for(out, "").code == 554);
    out.action = Action::tempfail;
    for (const auto status : {ScanStatus::error, ScanStatus::limits}) {
        out.status = status;
        BOOST_TEST(reply_for(out, "").code == 451);
    }
}

BOOST_AUTO_TEST_CASE(clamd_is_believed_only_where_it_is_clear)
{
    const std::pair<const char*, const char*> cases[] = {
        {"stream: OK", "clean"},
        {"fd[12]: OK", "clean"},
        {"stream: Worm.X FOUND", "infected"},
        {"fd[3]: Heuristics.Encrypted.Zip FOUND", "protected"},
        {"stream: Heuristics.Limits.Exceeded.MaxFiles FOUND", "limits"},
        {"INSTREAM size limit exceeded. ERROR", "limits"},
        {"stream: Can't create temporary file ERROR", "error"},
        {"UNKNOWN COMMAND", "error"},
        {"OK", "error"},
        {"", "error"},
        {"stream: not OK", "error"}};
    for (const auto& [reply, want] : cases)
        BOOST_TEST(name_of(read_clamd_reply(reply).status()) == want, reply);
}

BOOST_AUTO_TEST_CASE(clamd_version)
{
    const auto info = milters::scanner::read_clamd_version(
        "ClamAV 1.4.6/27345/Mon Jan  2 03:04:05 2026");
    BOOST_TEST(info.name == "ClamAV");
    BOOST_TEST(info.version == "1.4.6");
    BOOST_TEST(info.base == 27345U);
    BOOST_TEST(milters::scanner::read_clamd_version("ClamAV 1.4.6").version ==
               "1.4.6");
    BOOST_TEST(milters::scanner::read_clamd_version("").name.empty());
}

BOOST_AUTO_TEST_CASE(header_values)
{
    EngineInfo info{"ClamAV", "1.4.6", 355000, 27345, 1700000000, "g"};
    BOOST_TEST(milters::virus::scanned_value(info, "mx.example.org") ==
               "ClamAV 1.4.6/27345 (355000 signatures of 2023-11-14) at "
               "mx.example.org");
    BOOST_TEST(milters::virus::scanned_value({}, "mx") == "no at mx");
}

Message made(HashOf hash_of, const char* subject, const char* type,
             std::initializer_list<const char*> chunks,
             std::uint64_t max = 1000)
{
    Message message{hash_of, max};
    message.header("Subject", subject);
    message.header("Content-Type", type);
    message.end_of_headers();
    for (const char* chunk : chunks)
        message.body(chunk);
    BOOST_REQUIRE(message.finish());
    return message;
}

BOOST_AUTO_TEST_CASE(a_message_is_kept_as_it_came)
{
    const auto message =
        made(HashOf::full, "a\n\tb", "text/plain", {"x\r", "\ny\r\n"});
    BOOST_TEST(message.bytes().value() ==
               std::string{milters::virus::top_line} +
                   "Subject: a\r\n\tb\r\nContent-Type: text/plain\r\n\r\n"
                   "x\r\ny\r\n");
    BOOST_TEST(!message.has_bare_ends());
    BOOST_TEST(message.count("SUBJECT") == 1U);
    BOOST_TEST(!message.oversize());
}

BOOST_AUTO_TEST_CASE(the_hash_is_of_body_or_all)
{
    const auto a = made(HashOf::body, "a", "text/plain", {"bo", "dy"});
    const auto b = made(HashOf::body, "b", "text/plain", {"b", "ody"});
    const auto c = made(HashOf::body, "a", "text/html", {"body"});
    const auto d = made(HashOf::body, "a", "text/plain", {"body."});
    BOOST_TEST((a.digest() == b.digest()));
    BOOST_TEST((a.digest() != c.digest()));
    BOOST_TEST((a.digest() != d.digest()));
    BOOST_TEST((made(HashOf::full, "a", "t", {"x"}).digest() !=
                made(HashOf::full, "b", "t", {"x"}).digest()));
}

BOOST_AUTO_TEST_CASE(other_line_ends_are_seen)
{
    const std::initializer_list<const char*> bad[] = {
        {"a\rb"}, {"a\nb"}, {"a\r", "b"}, {"\n"}, {"a\r\r\n"}};
    for (const auto& chunks : bad)
        BOOST_TEST(made(HashOf::body, "a", "t", chunks).has_bare_ends());
    const auto message = made(HashOf::body, "a", "t", {"a\rb\nc\r\nd"});
    BOOST_TEST(message.with_normal_ends().value().size() ==
               message.file().size() + 2);
}

BOOST_AUTO_TEST_CASE(what_is_too_large_is_not_kept)
{
    const auto message =
        made(HashOf::body, "a", "t", {"0123456789", "0123456789"}, 30);
    BOOST_TEST(message.oversize());
    BOOST_TEST(!made(HashOf::body, "a", "t", {"0"}, 60).oversize());
}

BOOST_AUTO_TEST_SUITE_END()
