// Log lines that cannot be forged, and the file of decisions.
#define BOOST_TEST_DYN_LINK
#include "policy/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "policy/log_json.h"

using namespace policy;

namespace {

struct Folder {
    Folder() : path{"/tmp/postern-log.XXXXXX"}
    {
        if (!mkdtemp(path.data()))
            std::abort();
    }
    ~Folder()
    {
        for (const char* name : {"/d", "/d.1"})
            unlink((path + name).c_str());
        rmdir(path.c_str());
    }
    std::string read(const std::string& name) const
    {
        std::ostringstream out;
        out << std::ifstream{path + name}.rdbuf();
        return out.str();
    }
    std::string path;
};

Log::Options to_file(const std::string& path)
{
    return {"unit-tests", "user", Log::Level::error, false, path};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(log_lines)

BOOST_AUTO_TEST_CASE(every_byte_stays_on_its_line)
{
    std::string all;
    for (int c = 0; c < 256; ++c)
        all += static_cast<char>(c);
    const auto out = printable(all);
    for (const char c : out)
        BOOST_TEST((c >= ' ' && c <= '~'));
    BOOST_TEST(printable("a\nb\r\t\\\x01\x7f\xff") ==
               "a\\nb\\r\\t\\\\\\x01\\x7f\\xff");
    BOOST_TEST(printable("plain \"text\" 100%") == "plain \"text\" 100%");
}

BOOST_AUTO_TEST_CASE(no_pair_can_be_smuggled_in)
{
    Fields fields;
    fields.add("from", "<a> verdict=accept").add("to", "").add("x", "a\"b,c");
    BOOST_TEST(fields.text() ==
               "from=\"<a> verdict=accept\" to=\"\" x=\"a\\\"b,c\"");
    Fields more;
    more.say("relay:").add("client", "192.0.2.1").add_if("name", "");
    BOOST_TEST(more.text() == "relay: client=192.0.2.1");
    Fields escaped;
    escaped.add("k", "\" reply=\"250\\");
    BOOST_TEST(escaped.text() == "k=\"\\\" reply=\\\"250\\\\\"");
}

BOOST_AUTO_TEST_CASE(a_decision_in_words)
{
    Decision decision;
    decision.verdict = Verdict::reject;
    decision.reply = {550, "5.7.1", "Relaying denied"};
    decision.why = {"relay", "access To:", "/m/access.db", "to:x", "REJECT"};
    Fields line;
    line << decision;
    BOOST_TEST(line.text() ==
               "verdict=reject stage=rcpt reply=\"550 5.7.1 Relaying denied\" "
               "rule=\"access To:\" source=/m/access.db key=to:x value=REJECT");
}

BOOST_AUTO_TEST_CASE(a_decision_as_json)
{
    Decision decision;
    decision.verdict = Verdict::reject;
    decision.reply = {550, "5.7.1", "no\n\xff"};
    decision.why = {"relay", "r", "s", "k", "v"};
    decision.trace = {{"relay", "first", "", "", ""}, decision.why};
    Judged judged;
    judged.when = Seconds{std::chrono::seconds{906502527}};
    judged.id = "1.2.3";
    judged.program = "relay-milter";
    judged.from = "<\"a\\b\"@x>";
    judged.auth_type = "PLAIN";
    judged.auth_user = "alice";
    const auto text = decision_json(decision, judged);
    BOOST_TEST(text.find('\n') == text.npos);
    const auto json = nlohmann::json::parse(text);
    BOOST_TEST(json["time"] == "1998-09-22T22:15:27Z");
    BOOST_TEST(json["text"] == "no\n\xef\xbf\xbd");
    BOOST_TEST(json["from"] == "<\"a\\b\"@x>");
    BOOST_TEST(json["auth"]["user"] == "alice");
    BOOST_TEST(json["trace"].size() == 2U);
    BOOST_TEST(json["trace"][0]["rule"] == "first");
    BOOST_TEST(!json.contains("queue_id"));
    BOOST_TEST(!json.contains("test"));
}

BOOST_AUTO_TEST_CASE(decisions_are_appended_and_the_file_opened_anew)
{
    const Folder folder;
    const auto path = folder.path + "/d";
    std::ofstream{path} << "old\n";
    Log log{to_file(path)};
    BOOST_TEST(log.wants_decisions());
    BOOST_TEST(log.decision("{}"));
    BOOST_TEST(folder.read("/d") == "old\n{}\n");
    rename(path.c_str(), (path + ".1").c_str());
    BOOST_TEST(log.decision("{1}"));
    log.reopen(Log::Level::error, path);
    BOOST_TEST(log.decision("{2}"));
    BOOST_TEST(folder.read("/d.1") == "old\n{}\n{1}\n");
    BOOST_TEST(folder.read("/d") == "{2}\n");
    log.reopen(Log::Level::error, "");
    BOOST_TEST(!log.wants_decisions());
    BOOST_TEST(log.decision("{3}"));
    BOOST_TEST(folder.read("/d") == "{2}\n");
}

BOOST_AUTO_TEST_CASE(a_file_that_fails_does_no_harm)
{
    Log full{to_file("/dev/full")};
    BOOST_TEST(!full.decision("{}"));
    BOOST_TEST(!full.decision("{}"));
    Log missing{to_file("/nonexistent/d")};
    BOOST_TEST(!missing.decision("{}"));
    const Folder folder;
    const auto pipe = folder.path + "/d";
    BOOST_REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    Log fifo{to_file(pipe)};  // nobody reads: must not wait
    BOOST_TEST(!fifo.decision("{}"));
}

BOOST_AUTO_TEST_CASE(levels)
{
    Log log{to_file("")};
    BOOST_TEST(log.wants(Log::Level::error));
    BOOST_TEST(!log.wants(Log::Level::warning));
    log.reopen(Log::Level::debug, "");
    BOOST_TEST(log.wants(Log::Level::debug));
    BOOST_TEST((Log::level_of("warning") == Log::Level::warning));
    BOOST_TEST((Log::level_of("?") == Log::Level::info));
}

BOOST_AUTO_TEST_SUITE_END()
