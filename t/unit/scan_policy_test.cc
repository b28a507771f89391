#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "policy/config/config.h"
#include "policy/scan/part_list.h"
#include "policy/scan/plan.h"
#include "policy/scan/policy.h"

BOOST_AUTO_TEST_SUITE(scan_policy)

using namespace policy::scan;
using policy::ClientAddr;
using policy::Seconds;
using policy::config::load_text;

Verdict found(ScanStatus status, const char* signature = "")
{
    Verdict verdict;
    verdict.add(status, signature);
    return verdict;
}

Rules rules_of(const std::string& virus)
{
    const auto loaded = load_text("virus:\n" + virus, "f");
    for (const auto& problem : loaded.problems)
        BOOST_ERROR(problem);
    BOOST_REQUIRE(loaded.config);
    return loaded.config->virus.rules;
}

const MailFrom outside{"eve@example.net", *ClientAddr::parse("192.0.2.9"), ""};
const MailFrom inside{"joe@example.org", *ClientAddr::parse("127.0.0.1"), ""};
const MailFrom user{"ann@example.org", *ClientAddr::parse("192.0.2.9"), "ann"};
const Seconds now{std::chrono::seconds{1800000000}};  // 2027-01-15

Action act(const Rules& rules, const MailFrom& from, const char* rcpt,
           const Verdict& verdict)
{
    return decide(rules, from, rcpt, verdict, now).action;
}

BOOST_AUTO_TEST_CASE(globs)
{
    BOOST_TEST(glob_match("*", ""));
    BOOST_TEST(glob_match("*@Example.org", "Joe@EXAMPLE.ORG"));
    BOOST_TEST(glob_match("a?c*", "abcdef"));
    BOOST_TEST(glob_match("*a*b", "xaxxb"));
    BOOST_TEST(!glob_match("", "x"));
    BOOST_TEST(!glob_match("*.exe", "a.exe.txt"));
    BOOST_TEST(!glob_match("a?", "a"));
    BOOST_TEST(!glob_match(std::string(40, '*') + "b", std::string(5000, 'a')));
}

BOOST_AUTO_TEST_CASE(regular_expressions_match_the_whole_text)
{
    const Mask mask{"re:.*@(lab|dev)[0-9]+\\.example\\.org"};
    BOOST_TEST(mask.problem() == "");
    BOOST_TEST(mask.matches("Joe@LAB12.example.org"));
    for (const char* text : {"joe@lab.example.org", "joe@lab1xexample.org",
                             "joe@lab1.example.org.evil.example", ""})
        BOOST_TEST(!mask.matches(text), text);
    BOOST_TEST(Mask{"re:a|ab"}.matches("ab"));
    BOOST_TEST(Mask{"re:(a)\\1"}.matches("aa"));
    BOOST_TEST(Mask{"re:"}.matches(""));
    BOOST_TEST(!Mask{"re:a"}.matches(std::string_view{"a\0b", 3}));
    const Mask wrong{"re:a("};
    BOOST_TEST(wrong.problem() != "");
    BOOST_TEST(!wrong.matches("a("));
    BOOST_TEST(Mask{"Re:*"}.matches("re: no expression"));  // a glob
}

BOOST_AUTO_TEST_CASE(groups_and_rules_know_regular_expressions)
{
    const Rules rules = rules_of(
        "  groups:\n"
        "    - {name: lab, recipients: ['re:.*@lab[0-9]*\\.example\\.org'],"
        " infected: tag}\n"
        "  signatures:\n"
        "    - {match: 're:win\\.(foo|bar)-[0-9]+', action: discard}\n"
        "  attachments:\n"
        "    - {name: ['re:.*\\.(doc|exe)'], except: ['re:ok.*'],"
        " action: strip}\n");
    const Verdict eicar = found(ScanStatus::infected, "Eicar");
    BOOST_TEST(name_of(act(rules, outside, "a@Lab7.example.org", eicar)) ==
               "tag");
    BOOST_TEST(name_of(act(rules, outside, "a@lab7xexample.org", eicar)) ==
               "reject");
    BOOST_TEST(name_of(act(rules, outside, "a@b",
                           found(ScanStatus::infected, "Win.Bar-12"))) ==
               "discard");
    Verdict parts;
    parts.parts = {{"ok.doc", "", 9, 1, false}};
    BOOST_TEST(name_of(act(rules, outside, "a@b", parts)) == "accept");
    parts.parts.push_back({"a.DOC", "", 9, 1, false});
    BOOST_TEST(name_of(act(rules, outside, "a@b", parts)) == "strip");
}

BOOST_AUTO_TEST_CASE(nothing_unscanned_is_accepted_by_default)
{
    const Rules rules = rules_of("  engine: libclamav\n");
    const std::pair<ScanStatus, Action> cases[] = {
        {ScanStatus::infected, Action::reject},
        {ScanStatus::suspicious, Action::quarantine},
        {ScanStatus::locked, Action::tag},
        {ScanStatus::oversize, Action::reject},
        {ScanStatus::limits, Action::quarantine},
        {ScanStatus::error, Action::tempfail}};
    for (const auto& [status, want] : cases)
        BOOST_TEST(name_of(act(rules, outside, "b@c", found(status))) ==
                   name_of(want));
    BOOST_TEST(name_of(act(rules, outside, "b@c", Verdict{})) == "accept");
}

BOOST_AUTO_TEST_CASE(the_strictest_finding_counts)
{
    const Rules rules =
        rules_of("  actions: {protected: tag, limits: reject}\n");
    Verdict verdict = found(ScanStatus::locked, "Heuristics.Encrypted.Zip");
    verdict.add(ScanStatus::limits, "Heuristics.Limits.Exceeded");
    const Outcome out = decide(rules, outside, "b@c", verdict, now);
    BOOST_TEST(name_of(out.action) == "reject");
    BOOST_TEST(name_of(out.status) == "limits");
    verdict.add(ScanStatus::error, "");
    BOOST_TEST(name_of(act(rules, outside, "b@c", verdict)) == "reject");
}

BOOST_AUTO_TEST_CASE(groups_by_priority_inherit)
{
    const Rules rules = rules_of(
        "  actions: {infected: reject}\n"
        "  groups:\n"
        "    - {name: lab, recipients: ['*@lab.example'], infected: tag,\n"
        "       protected: accept}\n"
        "    - {name: boss, priority: 9, inherit: lab,\n"
        "       recipients: [boss@*], protected: reject}\n"
        "    - {name: ours, direction: out, infected: discard}\n"
        "    - {name: ann, priority: 20, users: [ann], scan: no}\n");
    const auto virus = found(ScanStatus::infected, "Worm");
    const auto locked = found(ScanStatus::locked, "Heuristics.Encrypted.Zip");
    BOOST_TEST(name_of(act(rules, outside, "x@lab.example", virus)) == "tag");
    BOOST_TEST(name_of(act(rules, outside, "x@lab.example", locked)) ==
               "accept");
    BOOST_TEST(name_of(act(rules, outside, "boss@lab.example", virus)) ==
               "tag");
    BOOST_TEST(name_of(act(rules, outside, "boss@lab.example", locked)) ==
               "reject");
    BOOST_TEST(name_of(act(rules, outside, "x@y", virus)) == "reject");
    BOOST_TEST(name_of(act(rules, inside, "x@y", virus)) == "discard");
    BOOST_TEST(!decide(rules, user, "x@y", virus, now).scan);
    BOOST_TEST(decide(rules, inside, "x@y", virus, now).group == "ours");
    BOOST_TEST(decide(rules, inside, "x@y", virus, now).place == "f:8");
}

BOOST_AUTO_TEST_CASE(signature_rules_have_scope_and_end)
{
    const Rules rules = rules_of(
        "  groups: [{name: lab, recipients: ['*@lab.example']}]\n"
        "  signatures:\n"
        "    - {match: 'Old.*', action: accept, expires: 2026-12-31}\n"
        "    - {match: 'Joke.*', action: tag, group: lab, reason: harmless}\n"
        "    - {match: 'Heuristics.Phishing.*', action: reject}\n");
    BOOST_TEST(name_of(act(rules, outside, "a@b",
                           found(ScanStatus::infected, "Old.X"))) == "reject");
    BOOST_TEST(name_of(act(rules, outside, "a@b",
                           found(ScanStatus::infected, "Joke.X"))) == "reject");
    const auto out = decide(rules, outside, "a@lab.example",
                            found(ScanStatus::infected, "joke.x"), now);
    BOOST_TEST(name_of(out.action) == "tag");
    BOOST_TEST(out.reason == "harmless");
    BOOST_TEST(name_of(act(rules, outside, "a@b",
                           found(ScanStatus::suspicious,
                                 "Heuristics.Phishing.X"))) == "reject");
}

BOOST_AUTO_TEST_CASE(attachments)
{
    const Rules rules = rules_of(
        "  attachments:\n"
        "    - {name: ['*.scr', '*.pif'], action: reject, reason: no}\n"
        "    - {type: [MSEXE], action: quarantine, inside: no}\n"
        "    - {larger: 1K, type: [PDF], action: tag}\n");
    Verdict verdict;
    verdict.parts = {{"a.exe", "CL_TYPE_MSEXE", 9, 2, false}};
    BOOST_TEST(name_of(act(rules, outside, "a@b", verdict)) == "accept");
    verdict.parts.push_back({"b", "CL_TYPE_PDF", 2000, 3, false});
    BOOST_TEST(name_of(act(rules, outside, "a@b", verdict)) == "tag");
    verdict.parts.push_back({"a.exe", "CL_TYPE_MSEXE", 9, 1, false});
    BOOST_TEST(name_of(act(rules, outside, "a@b", verdict)) == "quarantine");
    verdict.parts.push_back({"X.SCR", "CL_TYPE_TEXT_ASCII", 9, 4, false});
    const auto out = decide(rules, outside, "a@b", verdict, now);
    BOOST_TEST(name_of(out.action) == "reject");
    BOOST_TEST(out.signature == "X.SCR");
}

BOOST_AUTO_TEST_CASE(attachments_that_are_not_listed)
{
    const Rules rules = rules_of(
        "  actions: {limits: tag}\n"
        "  attachments: [{name: ['*.exe'], action: quarantine}]\n");
    Verdict verdict;
    verdict.add(ScanStatus::limits, "Heuristics.Limits.Exceeded.MaxFiles");
    BOOST_TEST(name_of(act(rules, outside, "a@b", verdict)) == "tag");
    verdict.add(ScanStatus::limits, parts_limit);
    BOOST_TEST(name_of(act(rules, outside, "a@b", verdict)) == "quarantine");
    verdict = {};
    verdict.parts = {{"a.exe. .", "", 0, 3, false}};
    BOOST_TEST(name_of(act(rules, outside, "a@b", verdict)) == "quarantine");
    BOOST_TEST(describe(verdict, decide(rules, outside, "a@b", verdict, now)) ==
               "filtered (a.exe._.)");
}

BOOST_AUTO_TEST_CASE(mistakes_are_told_with_their_line)
{
    const std::pair<const char*, const char*> cases[] = {
        {"virus: {groups: [{name: a, infected: burn}]}", "'burn' is not an"},
        {"virus: {groups: [{name: a, inherit: b}]}", "'b' is not a group"},
        {"virus: {groups: [{priority: 3}]}", "needs a name"},
        {"virus: {signatures: [{action: tag}]}", "needs match"},
        {"virus: {groups: [{name: a, senders: ['re:(']}]}", "'re:(': "},
        {"virus: {signatures: [{match: 're:[', action: tag}]}", "'re:[': "},
        {"virus: {signatures: [{match: x, group: y}]}", "no group 'y'"},
        {"virus: {signatures: [{match: x, expires: 2026-02-30}]}", "not a day"},
        {"virus: {headers: {status: 'X Y'}}", "not a name of a header"},
        {"virus: {headers: {status: Subject}}", "need their own 'Subject'"},
        {"virus: {headers: {scanned: received}}", "need their own"},
        {"virus: {headers: {anti_virus: Content-Foo}}", "need their own"},
        {"virus: {headers: {status: x-virus-scanned}}", "is also virus.h"},
        {"virus: {groups: [{name: a}, {name: a}]}", "another group 'a'"},
        {"virus: {engine: clamd}", "needs virus.clamd.servers"},
        {"virus: {clamd: {servers: [none]}}", "is not a socket"},
        {"virus: {engine: clamd, clamd: {servers: [inet:1]},"
         " signatures: [{match: x, action: quarantine}]}",
         "tells of one signature alone"},
        {"virus: {groups: [{name: a, senders: [b], scan: no}]}", "may forge"},
        {"virus: {groups: [{name: a, senders: [b], scan: no,"
         " direction: in}]}",
         "may forge"},
        {"virus: {actions: {infected: cure}}", "virus.actions.infected"},
        {"virus: {socket: none}", "needs a socket"}};
    for (const auto& [text, want] : cases) {
        const auto loaded = load_text(text, "f");
        BOOST_TEST_CONTEXT(text)
        {
            BOOST_REQUIRE(loaded.problems.size() == 1U);
            BOOST_TEST(loaded.problems[0].find(want) != std::string::npos,
                       loaded.problems[0]);
            BOOST_TEST(loaded.problems[0].starts_with("f:1: "));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
