#include "policy/map/access_tag.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <memory_resource>

#include "policy/filter/by_access.h"
#include "policy/scan/by_access.h"
#include "policy/scan/plan.h"

namespace data = boost::unit_test::data;
using namespace policy;
using namespace policy::map;

BOOST_AUTO_TEST_SUITE(access_tag)

TagMap map_of(const std::string& text, const OwnTag& tag = virus_tag)
{
    return TagMap{fixed(from_text(text, "access").value(), "access"), tag,
                  true};
}

/// What the map says of one recipient of mail from mx.a.example [192.0.2.7].
std::optional<TagRuling> asked(const TagMap& map, const std::string& rcpt)
{
    const auto addr = ClientAddr::parse("192.0.2.7").value();
    const std::string rcpts[] = {rcpt};
    return map.ask({addr, "mx.a.example"}, rcpts).value().at(0);
}

/// "action", "action (reason)", "action ### D.S.N text"; "?" in front where
/// it was not understood; "" for nothing.
std::string said(const std::optional<TagRuling>& ruling)
{
    if (!ruling)
        return "";
    std::string out = (ruling->understood ? "" : "?") + ruling->action;
    if (!ruling->reason.empty())
        out += " (" + ruling->reason + ")";
    if (const auto& r = ruling->reply)
        out +=
            " " + std::to_string(r->code) + " " + r->enhanced + " " + r->text;
    return out;
}

struct Value {
    const char* text;
    const char* virus;
    const char* filter;
};
std::ostream& operator<<(std::ostream& os, const Value& v)
{
    return os << v.text;
}

const Value values[] = {
    {"OK", "ok", "ok"},
    {"ok", "ok", "ok"},
    {"SKIP", "", ""},
    {"REJECT", "reject", "reject"},
    {"TempFail", "tempfail", "tempfail"},
    {"DISCARD", "discard", "discard"},
    {"QUARANTINE", "quarantine", "quarantine"},
    {"QUARANTINE:look here", "quarantine (look here)",
     "quarantine (look here)"},
    {"STRIP", "strip", "?tempfail"},
    {"RENAME", "rename", "?tempfail"},
    {"TAG", "tag", "?tempfail"},
    {"ACCEPT", "accept", "?tempfail"},
    {"550 5.7.1 go away", "reject 550 5.7.1 go away",
     "reject 550 5.7.1 go away"},
    {"451 later", "tempfail 451 4.0.0 later", "tempfail 451 4.0.0 later"},
    {"ERROR:5.1.1:550 nobody", "reject 550 5.1.1 nobody",
     "reject 550 5.1.1 nobody"},
    {"ERROR:4.2.0:450 wait", "tempfail 450 4.2.0 wait",
     "tempfail 450 4.2.0 wait"},
    {"ERROR:go away", "reject 553 5.3.0 go away", "reject 553 5.3.0 go away"},
    {"RELAY", "?tempfail", "?tempfail"},
    {"250 fine", "?tempfail", "?tempfail"},
    {"550", "?tempfail", "?tempfail"},
    {"go away", "?tempfail", "?tempfail"},
    {"ERROR:250 fine", "?tempfail", "?tempfail"},
};

BOOST_DATA_TEST_CASE(a_value_is_read, data::make(values))
{
    const std::string entry = std::string{":b@x.example "} + sample.text + "\n";
    BOOST_TEST(said(asked(map_of("Virus" + entry), "b@x.example")) ==
               sample.virus);
    BOOST_TEST(said(asked(map_of("Filter" + entry, filter_tag),
                          "<b@x.example>")) == sample.filter);
    // Nobody else's tag counts.
    BOOST_TEST(said(asked(map_of("Filter" + entry), "b@x.example")) == "");
    BOOST_TEST(said(asked(map_of("To" + entry), "b@x.example")) == "");
}

struct Row {
    const char* entries;
    const char* rcpt;
    const char* key;  ///< that counts; "" for none
};
std::ostream& operator<<(std::ostream& os, const Row& row)
{
    return os << row.entries << row.rcpt;
}

const Row rows[] = {
    {"Virus:b@x.example OK\nVirus:b@ TAG\n", "b@x.example",
     "Virus:b@x.example"},
    {"Virus:b@ OK\nVirus:x.example TAG\n", "B@X.example", "Virus:B@"},
    {"Virus:x.example OK\n", "b@deep.x.example", "Virus:x.example"},
    {"Virus:b@x.example OK\n", "b+detail@x.example", "Virus:b@x.example"},
    {"Virus:b@ OK\n", "b", "Virus:b@"},
    {"Virus:b OK\nVirus: OK\n", "b", ""},
    {"Virus:x OK\nVirus: OK\n", "b@x.example", ""},
    {"Virus:192.0.2 OK\n", "b@x.example", "Virus:192.0.2"},
    {"Virus:192.0.2.7 SKIP\nVirus:192.0.2 OK\n", "b@x.example", ""},
    {"Virus:a.example OK\nVirus:192.0.2.7 TAG\n", "b@x.example",
     "Virus:a.example"},
    {"Virus:mx.a.example SKIP\nVirus:a.example OK\n", "b@x.example", ""},
    {"Virus:192.0.2.7 OK\nVirus:x.example TAG\n", "b@x.example",
     "Virus:x.example"},
    {"Virus:192.0.2.7 OK\nVirus:b@x.example SKIP\n", "b@x.example",
     "Virus:192.0.2.7"},
    {"Virus:192.0.2.7 OK\n", "", "Virus:192.0.2.7"},
    {"", "b@x.example", ""},
};

BOOST_DATA_TEST_CASE(the_nearest_entry_counts, data::make(rows))
{
    const auto ruling = asked(map_of(sample.entries), sample.rcpt);
    BOOST_TEST((ruling ? ruling->key : "") == sample.key);
    if (ruling)
        BOOST_TEST(ruling->source == "access");
}

BOOST_AUTO_TEST_CASE(names_that_are_none_are_not_asked_for)
{
    const TagMap map = map_of("Virus:unknown OK\nVirus:[192.0.2.9] OK\n");
    const ClientAddr none;
    const std::string rcpts[] = {"b@x.example"};
    for (const char* const name : {"", "unknown", "[192.0.2.9]"})
        BOOST_TEST(!map.ask({none, name}, rcpts).value()[0].has_value(), name);
}

BOOST_AUTO_TEST_CASE(a_missing_map_is_an_error_only_where_it_was_named)
{
    const std::string path = "/nonexistent/access";
    const std::string rcpts[] = {"b@x.example", "c@x.example"};
    const TagMap named{open_file(path, false), virus_tag, true};
    BOOST_TEST(!named.check().has_value());
    BOOST_TEST(!named.ask({{}, ""}, rcpts).has_value());
    const TagMap usual{open_file(path, false), virus_tag, false};
    BOOST_TEST(usual.check().has_value());
    BOOST_TEST(usual.ask({{}, ""}, rcpts).value().size() == 2U);
}

BOOST_AUTO_TEST_CASE(entries_of_one_effect_are_alike)
{
    const TagMap map = map_of(
        "Virus:a@ OK\nVirus:b@ OK\nVirus:c@ 550 no\nVirus:d@ 550 yes\n"
        "Virus:e@ QUARANTINE:a\nVirus:f@ QUARANTINE:b\n");
    const auto of = [&](const char* rcpt) { return asked(map, rcpt); };
    BOOST_TEST(alike(of("a"), of("b")));
    BOOST_TEST(alike(of("x"), of("y")));
    BOOST_TEST(!alike(of("a"), of("x")));
    BOOST_TEST(!alike(of("c"), of("d")));
    BOOST_TEST(!alike(of("e"), of("f")));
}

/// What virus-milter does: `found` stands for a find of a group that tags.
scan::Outcome virus_outcome(const char* value, scan::ScanStatus status)
{
    scan::Outcome outcome;
    outcome.status = status;
    if (status != scan::ScanStatus::clean) {
        outcome.action = scan::Action::tag;
        outcome.rule = "actions";
    }
    const auto ruling =
        asked(map_of(std::string{"Virus:b@ "} + value + "\n"), "b@x.example");
    return scan::by_access(outcome, ruling.value());
}

BOOST_AUTO_TEST_CASE(virus_actions_are_for_what_was_found)
{
    using scan::Action;
    using scan::ScanStatus;
    const auto action = [](const char* value, ScanStatus status) {
        return virus_outcome(value, status).action;
    };
    for (const auto word : virus_tag.actions) {
        const std::string text{word};
        BOOST_TEST(scan::parse_action(text).has_value(), text);
        BOOST_TEST((action(text.c_str(), ScanStatus::infected) ==
                    scan::parse_action(text)),
                   text);
        BOOST_TEST((action(text.c_str(), ScanStatus::clean) == Action::accept));
        BOOST_TEST((action(text.c_str(), ScanStatus::error) == Action::tag));
    }
    BOOST_TEST(virus_tag.actions.size() == scan::action_count);
    for (const auto status : {ScanStatus::infected, ScanStatus::error})
        BOOST_TEST((action("OK", status) == Action::accept));
    const auto own = virus_outcome("550 5.7.9 call us", ScanStatus::infected);
    BOOST_TEST(own.rule == "access");
    BOOST_TEST(own.place == "access Virus:b@");
    BOOST_TEST(reply_for(own, "%s").text == "call us");
    BOOST_TEST(reply_for(own, "%s").enhanced == "5.7.9");
}

BOOST_AUTO_TEST_CASE(filter_actions_stand_in_the_place_of_recipes)
{
    const auto of = [](const char* value) {
        return filter::by_access(
            asked(map_of(std::string{"Filter:b@ "} + value + "\n", filter_tag),
                  "b@x.example")
                .value());
    };
    BOOST_TEST((of("OK") == filter::SmtpOutcome{}));
    BOOST_TEST((of("DISCARD").verdict == Verdict::discard));
    BOOST_TEST((of("REJECT").verdict == Verdict::reject));
    BOOST_TEST(of("REJECT").reply.code == 550);
    BOOST_TEST((of("TEMPFAIL").verdict == Verdict::tempfail));
    BOOST_TEST(of("TEMPFAIL").reply.code == 451);
    BOOST_TEST(of("550 5.1.1 nobody").reply.enhanced == "5.1.1");
    BOOST_TEST(of("QUARANTINE").quarantine == "Filter:b@");
    BOOST_TEST(of("QUARANTINE:why").quarantine == "why");
    BOOST_TEST((of("what").verdict == Verdict::tempfail));
    BOOST_TEST(of("what").notes.size() == 1U);
    BOOST_TEST(of("REJECT").source == "access Filter:b@");
}

BOOST_AUTO_TEST_SUITE_END()
