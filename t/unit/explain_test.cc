// What `postern explain` reads beside the maps: a message's header and the
// decision log.
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "milters/postern/message.h"
#include "milters/postern/past.h"
#include "policy/log_json.h"

using namespace milters::postern;
using policy::Decision;
using policy::Stage;
using policy::Verdict;

namespace {

Trail trail_of(const char* text)
{
    std::istringstream in{text};
    return read_trail(in);
}

/// A line as relay-milter writes it.
std::string line(const char* id, const char* queue_id, Stage stage,
                 Verdict verdict, const char* rcpt = "", int code = 250)
{
    Decision decision;
    decision.stage = stage;
    decision.verdict = verdict;
    decision.reply = {code, code < 400 ? "" : "5.7.1", code < 400 ? "" : "no"};
    decision.relay = stage == Stage::rcpt && verdict == Verdict::accept;
    decision.why = {"relay", "rule", "file", "key", "value"};
    decision.trace = {decision.why};
    policy::Judged judged;
    judged.id = id;
    judged.queue_id = queue_id;
    judged.rcpt = rcpt;
    return policy::decision_json(decision, judged) + "\n";
}

std::vector<Answer> past(const std::string& log, const char* id)
{
    std::istringstream in{log};
    return past_answers(in, id);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(explain)

BOOST_AUTO_TEST_CASE(the_first_received_field_tells_the_client)
{
    const auto t = trail_of(
        "Return-Path: <a@b.example>\r\n"
        "RECEIVED: from helo.example (IDENT:me@mail.b.example [192.0.2.4])\r\n"
        "\tby mx.example.org with ESMTP id x1\r\n"
        "\tfor <u@example.org>; Sun, 22 Nov 2026 01:00:00 GMT\r\n"
        "Received: from other (other [203.0.113.1]) by mail.b.example\r\n"
        "\r\n"
        "Return-Path: <in-the-body@b.example>\r\n");
    BOOST_TEST(t.from == "<a@b.example>");
    BOOST_TEST(t.rcpt == "<u@example.org>");
    BOOST_TEST(t.client_addr == "192.0.2.4");
    BOOST_TEST(t.client_name == "mail.b.example");
    BOOST_TEST(t.client_resolve == "OK");
    BOOST_TEST(t.helo == "helo.example");
}

BOOST_AUTO_TEST_CASE(clients_whose_name_is_not_sure)
{
    const auto forged = trail_of(
        "Received: from h (n.example [IPv6:2001:db8::1] (may be forged))\n");
    BOOST_TEST(forged.client_addr == "IPv6:2001:db8::1");
    BOOST_TEST(forged.client_resolve == "FORGED");
    const auto unnamed = trail_of("Received: from h ([192.0.2.4]) by mx\n");
    BOOST_TEST(unnamed.client_resolve == "FAIL");
    BOOST_TEST(unnamed.client_name.empty());
    const auto local = trail_of("Received: (from root@localhost) by mx\n");
    BOOST_TEST(local.client_addr.empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_header_tells_nothing)
{
    for (const char* const text :
         {"", "\n\n", "Received\n", "Received:\n", ": x\n", " folded first\n"})
        BOOST_TEST(trail_of(text).client_addr.empty());
    const std::string flood = "Received: from " + std::string(1 << 20, '(');
    BOOST_TEST(trail_of(flood.c_str()).client_addr.empty());
}

BOOST_AUTO_TEST_CASE(a_past_message_by_queue_id)
{
    const std::string log =
        line("c1", "", Stage::connect, Verdict::accept) +
        line("c2", "", Stage::connect, Verdict::quarantine) +
        line("c1", "q1", Stage::mail, Verdict::accept) +
        line("c1", "q1", Stage::rcpt, Verdict::reject, "<a@far.example>", 550) +
        line("c1", "q1", Stage::rcpt, Verdict::accept, "<b@example.org>") +
        "{\"half a line\n" +
        line("c1", "q2", Stage::rcpt, Verdict::accept, "<c@example.org>");
    const auto answers = past(log, "q1");
    BOOST_REQUIRE_EQUAL(answers.size(), 2U);
    BOOST_TEST(answers[0].rcpt == "<a@far.example>");
    BOOST_REQUIRE_EQUAL(answers[0].dialogue.stages.size(), 3U);
    const auto& refused = answers[0].dialogue.outcome();
    BOOST_TEST((refused.verdict == Verdict::reject));
    BOOST_TEST(refused.reply.code == 550);
    BOOST_TEST(refused.why.key == "key");
    BOOST_TEST(answers[1].dialogue.outcome().relay);
    BOOST_TEST(past(log, "q3").empty());
}

BOOST_AUTO_TEST_CASE(a_message_that_had_no_recipient_yet)
{
    const auto answers =
        past(line("c1", "q1", Stage::mail, Verdict::reject, "", 550), "q1");
    BOOST_REQUIRE_EQUAL(answers.size(), 1U);
    BOOST_TEST(answers[0].rcpt.empty());
    BOOST_TEST((answers[0].dialogue.outcome().stage == Stage::mail));
}

BOOST_AUTO_TEST_CASE(a_connection_by_our_own_id)
{
    const auto answers =
        past(line("c1", "", Stage::connect, Verdict::reject, "", 550), "c1");
    BOOST_REQUIRE_EQUAL(answers.size(), 1U);
    BOOST_TEST((answers[0].dialogue.outcome().verdict == Verdict::reject));
}

BOOST_AUTO_TEST_SUITE_END()
