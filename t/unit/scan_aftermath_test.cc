// Names of attachments, disclaimers, notices, kept messages, numbers.
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <fstream>

#include "milters/virus/header.h"
#include "milters/virus/message.h"
#include "policy/scan/attachment.h"
#include "policy/scan/disclaimer.h"
#include "policy/scan/inner_names.h"
#include "policy/scan/notice.h"
#include "policy/scan/stats.h"
#include "policy/scan/store.h"
#include "t/unit/temp_dir.h"

BOOST_AUTO_TEST_SUITE(scan_aftermath)

using namespace policy::scan;

BOOST_AUTO_TEST_CASE(names_as_readers_take_them)
{
    const std::pair<const char*, const char*> cases[] = {
        {"Content-Disposition: attachment; filename=\"a.exe\"\r\n", "a.exe"},
        {"Content-Disposition: attachment;\r\n filename=a.exe\r\n", "a.exe"},
        {"CONTENT-DISPOSITION: x; FileName = \"a b.exe\" ; x=y\r\n", "a b.exe"},
        {"Content-Disposition: x; filename=\"a\\\"b;c.exe\"\r\n", "a\"b;c.exe"},
        {"Content-Type: a/b; name=n.scr\r\n", "n.scr"},
        {"Content-Type: a/b; name=n.scr\r\n"
         "Content-Disposition: x; filename=m.txt\r\n",
         "m.txt"},
        {"Content-Disposition: x; filename*=utf-8'en'a%2Eexe\r\n", "a.exe"},
        {"Content-Disposition: x; filename*0=\"a.\"; filename*1=\"exe\"\r\n",
         "a.exe"},
        {"Content-Disposition: x; filename*1*=%65xe;\r\n"
         "\tfilename*0*=utf-8''a%2E\r\n",
         "a.exe"},
        {"Content-Type: a/b; name=\"=?utf-8?B?YS5leGU=?=\"\r\n", "a.exe"},
        {"Content-Type: a/b; name=\"=?iso-8859-1?q?a=2E?= =?x?Q?exe?=\"\r\n",
         "a.exe"},
        {"Content-Type: a/b; name=\"100%.txt\"\r\n", "100%.txt"},
        {"Content-Type: a/b\r\n", ""},
        {"", ""}};
    for (const auto& [header, want] : cases)
        BOOST_TEST(file_name(std::string{header} + "\r\n") == want, header);
    BOOST_TEST(media_type("Content-Type: IMAGE/Png; x=y\r\n\r\n") ==
               "image/png");
    BOOST_TEST(media_type("\r\n") == "text/plain");
}

BOOST_AUTO_TEST_CASE(every_part_is_named)
{
    const auto parts = named_parts(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n"
        "--b\r\nContent-Type: image/gif; name=x.gif\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nAAAAAAAA\r\n--b--\r\n");
    BOOST_TEST_REQUIRE(parts.has_value());
    BOOST_TEST_REQUIRE(parts->size() == 2U);
    BOOST_TEST((*parts)[1].name == "x.gif");
    BOOST_TEST((*parts)[1].mime == "image/gif");
    BOOST_TEST((*parts)[1].size == 6U);
    BOOST_TEST((*named_parts("Content-Transfer-Encoding: quoted-printable\r\n"
                             "\r\na=3Db=\r\nc\r\n"))[0]
                   .size == 6U);
    std::string base64 = "Content-Transfer-Encoding: base64\r\n\r\n";
    for (int i = 0; i < 20; ++i)
        base64.append(76, 'A').append("\r\n");
    BOOST_TEST((*named_parts(base64))[0].size == 20U * 57);
    BOOST_TEST(named_parts("Subject: x\r\n\r\nhello")->size() == 1U);
    BOOST_TEST(!named_parts("Content-Type: multipart/mixed\r\n\r\nx"));
}

BOOST_AUTO_TEST_CASE(all_names_of_a_part)
{
    const auto names = file_names(
        "Content-Type: a/b; name=a.exe\r\n"
        "Content-Disposition: attachment; filename=a.txt\r\n"
        "Content-Disposition : attachment; filename=b.txt\r\n\r\n");
    BOOST_TEST(names == (std::vector<std::string>{"a.txt", "b.txt", "a.exe"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(names_that_the_engine_does_not_tell)
{
    const auto lines = names_in_lines(
        "hi\r\nbegin 644 my a.exe\r\nM#\r\n#AB\r\nend\r\nbegin 6 x\r\n"
        "=ybegin line=128 size=77 name=b.exe\r\nMM\r\n");
    BOOST_TEST_REQUIRE(lines.size() == 2U);
    BOOST_TEST(lines[0].name == "my a.exe");
    BOOST_TEST(lines[0].size == 48U);
    BOOST_TEST(lines[1].name == "b.exe");
    BOOST_TEST(lines[1].size == 77U);
    using namespace std::string_literals;
    const auto gzip =
        "\x1f\x8b\x08\x0c\0\0\0\0\0\0\x02\0zza.exe\0....\x05\0\0\0"s;
    BOOST_TEST_REQUIRE(names_in("CL_TYPE_GZ", gzip).size() == 1U);
    BOOST_TEST(names_in("CL_TYPE_GZ", gzip)[0].name == "a.exe");
    BOOST_TEST(names_in("CL_TYPE_GZ", gzip)[0].size == 5U);
    for (std::size_t n = 0; n < gzip.size(); ++n)
        names_in("CL_TYPE_GZ", gzip.substr(0, n));
    const auto tnef =
        "\x78\x9f\x3e\x22\0\0"
        "\x02\x0f\x80\x06\0\x03\0\0\0abc\0\0"
        "\x02\x10\x80\x01\0\x06\0\0\0"
        "a.exe\0\0\0"
        "\x02\x05\x90\x06\0\x12\0\0\0\x1f\0\x07\x37\x01\0\0\0\x06\0\0\0"
        "b\0c\0\0\0\0\0"s;
    const auto parts = names_in("CL_TYPE_TNEF", tnef);
    BOOST_TEST_REQUIRE(parts.size() == 2U);
    BOOST_TEST(parts[0].name == "a.exe");
    BOOST_TEST(parts[0].size == 3U);
    BOOST_TEST(parts[1].name == "bc");
    for (std::size_t n = 0; n < tnef.size(); ++n)
        BOOST_TEST(names_in("CL_TYPE_TNEF", tnef.substr(0, n)).size() <= 2U);
    BOOST_TEST(is_made_up("clamav-0123456789abcdef0123456789abcdef.tmp"));
    BOOST_TEST(!is_made_up("clamav-report.tmp"));
}

BOOST_AUTO_TEST_CASE(renamed_files_are_harmless)
{
    const auto out = with_renamed_files(
        "Content-ID: <x>\r\nContent-Type: application/x-msdownload;\r\n"
        "\tname=\"a b;\\\"$(x).exe\"\r\nContent-Disposition: attachment;\r\n"
        " filename*=utf-8''a%20b.exe\r\n\r\n",
        ".blocked");
    BOOST_TEST(out ==
               "Content-ID: <x>\r\nContent-Type: application/octet-stream;\r\n"
               "\tname=\"a_b.exe.blocked\"\r\nContent-Disposition: "
               "attachment;\r\n\tfilename=\"a_b.exe.blocked\"\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(disclaimers_break_nothing)
{
    const std::string text = "We = all\n";
    const auto body = [&](const std::string& message) {
        return body_with_disclaimer(message, text).value_or("none");
    };
    BOOST_TEST(body("Subject: x\r\n\r\nhi") == "hi\r\nWe = all\r\n");
    BOOST_TEST(body("Content-Transfer-Encoding: quoted-printable\r\n\r\nhi\r\n"
                    "") == "hi\r\nWe =3D all\r\n");
    BOOST_TEST(body("Content-Transfer-Encoding: base64\r\n\r\naGk=\r\n") ==
               "none");
    BOOST_TEST(body("Content-Type: text/html\r\n\r\n<p>hi</p>") == "none");
    BOOST_TEST(body("DKIM-Signature: v=1\r\n\r\nhi") == "none");
    BOOST_TEST(body("Subject: x\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----") ==
               "none");
    BOOST_TEST(body("Content-Type: multipart/signed; boundary=b\r\n\r\n"
                    "--b\r\n\r\nx\r\n--b--\r\n") == "none");
    BOOST_TEST(body("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                    "--b\r\n\r\nx\r\n--b--\r\n") ==
               "--b\r\n\r\nx\r\n--b\r\nContent-Type: text/plain; "
               "charset=us-ascii\r\nContent-Disposition: inline\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
               "We =3D all\r\n\r\n--b--\r\n");
}

BOOST_AUTO_TEST_CASE(templates)
{
    const Macros macros{{"A", {"one"}}, {"L", {"x.exe", "y.txt", "z.exe"}}};
    const std::pair<const char*, const char*> cases[] = {
        {"%A% 50% %NONE%.", "one 50% ."},
        {"# comment\nline\n#more", "line\n"},
        {"a # b", "a # b"},
        {"\\%A% \\# \\<", "%A% # <"},
        {"%L%", "x.exe, y.txt, z.exe"},
        {"<FOR L == \"*.exe\">[%L%]</FOR>!", "[x.exe][z.exe]!"},
        {"<FOR L != \"*.exe\">[%L%]</FOR>", "[y.txt]"},
        {"<FOR L == \"x*\"><FOR A == \"?ne\">%L%-%A%</FOR></FOR>", "x.exe-one"},
        {"<DEF B=\"two\"/>%B%", "two"},
        {"a%CRLF%b%TAB%c", "a\nb\tc"},
        {"<FOR L == \"*\">never closed", "<FOR L == \"*\">never closed"},
        {"<html> 5 < 6", "<html> 5 < 6"}};
    for (const auto& [text, want] : cases)
        BOOST_TEST(fill(text, macros) == want, text);
    BOOST_TEST(fill("%X%", {{"X", {"a\r\nBcc: b"}}}) == "a  Bcc: b");
}

BOOST_AUTO_TEST_CASE(templates_of_ones_own)
{
    const TempDir dir;
    std::ofstream{dir.path.string() + "/admin"} << "Subject: own\n";
    const auto texts = NoticeTexts::load(dir.path.string());
    BOOST_TEST_REQUIRE(texts.has_value());
    BOOST_TEST(texts->text("admin") == "Subject: own\n");
    BOOST_TEST(texts->text("sender").starts_with("Subject: Your message"));
    std::ofstream{dir.path.string() + "/sender"} << "";
    const auto empty = NoticeTexts::load(dir.path.string());
    BOOST_TEST((empty && empty->text("sender").empty()));
    std::ofstream{dir.path.string() + "/sender"} << std::string(9000, 'x');
    BOOST_TEST(!NoticeTexts::load(dir.path.string()));
    BOOST_TEST(!NoticeTexts::load(dir.path.string() + "/none"));
}

NotifySettings everybody()
{
    NotifySettings out;
    out.admin = {"infected"};
    out.sender = out.recipients = {"all"};
    return out;
}

Incident incident(const char* client, const char* sender, const char* user)
{
    Incident out;
    out.from = {sender, *policy::ClientAddr::parse(client), user};
    out.rcpts = {"b@example.org", "c@example.net"};
    out.outcome.status = ScanStatus::infected;
    out.outcome.rule = "actions";
    return out;
}

BOOST_AUTO_TEST_CASE(forged_senders_are_told_nothing)
{
    auto settings = everybody();
    BOOST_TEST(
        !who_is_told(settings, incident("192.0.2.1", "a@x.org", "")).sender);
    BOOST_TEST(
        who_is_told(settings, incident("192.0.2.1", "a@x.org", "joe")).sender);
    BOOST_TEST(
        who_is_told(settings, incident("127.0.0.1", "a@x.org", "")).sender);
    BOOST_TEST(!who_is_told(settings, incident("127.0.0.1", "", "")).sender);
    settings.networks = {*policy::Network::parse("192.0.2.0/24")};
    BOOST_TEST(
        who_is_told(settings, incident("192.0.2.1", "a@x.org", "")).sender);
}

BOOST_AUTO_TEST_CASE(only_recipients_of_our_own_are_told)
{
    auto settings = everybody();
    using Words = std::vector<std::string>;
    const auto in = incident("192.0.2.1", "a@x.org", "");
    const auto out = incident("192.0.2.1", "a@x.org", "joe");
    BOOST_TEST((who_is_told(settings, in).rcpts == in.rcpts));
    BOOST_TEST((who_is_told(settings, out).rcpts == Words{}));
    settings.own = {"*@example.org"};
    BOOST_TEST((who_is_told(settings, out).rcpts == Words{"b@example.org"}));
    BOOST_TEST((who_is_told(settings, in).rcpts == Words{"b@example.org"}));
    auto filtered = in;
    filtered.outcome.rule = "attachments";
    BOOST_TEST(!who_is_told(settings, filtered).admins);
    BOOST_TEST(who_is_told(settings, in).admins);
}

BOOST_AUTO_TEST_CASE(a_notice_is_a_message)
{
    const auto text = notice_message("postmaster", "a@x.org", "D",
                                     "Subject: v\xc3\xa4 x\n\nbody\r\n");
    BOOST_TEST(text ==
               "From: postmaster\nTo: a@x.org\nSubject: v?? x\nDate: D\n"
               "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
               "Content-Type: text/plain; charset=us-ascii\n\nbody\n");
}

bool keeps(const Store& store, const Kept& kept,
           const std::function<policy::Status(int fd)>& write)
{
    return store.keep(kept, write).has_value();
}

BOOST_AUTO_TEST_CASE(messages_are_kept_and_released_once)
{
    const TempDir dir;
    const Store store{dir.path.string() + "/kept"};
    Kept kept;
    kept.id = "abc-1";
    kept.when = policy::Seconds{std::chrono::seconds{1000}};
    kept.sender = "a@x.org";
    kept.rcpts = {"b@example.org"};
    kept.subject = "caf\xe9";
    BOOST_TEST_REQUIRE(keeps(store, kept, [](int fd) {
        return write_all(fd, "Subject: x\r\n\r\nbody");
    }));
    const auto found = store.find("abc-1");
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(found->whole);
    BOOST_TEST(found->rcpts[0] == "b@example.org");
    BOOST_TEST((store.find("none").error().code == policy::Errc::gone));
    BOOST_TEST((store.find("../x").error().code == policy::Errc::usage));
    const auto word = store.grant_release("abc-1");
    BOOST_TEST_REQUIRE(word.has_value());
    BOOST_TEST(!store.use_release("abc-1 " + std::string(32, '0')));
    BOOST_TEST(!store.use_release("abc-1"));
    BOOST_TEST(!store.use_release("../abc-1 " + *word));
    BOOST_TEST(store.use_release("abc-1 " + *word));
    BOOST_TEST(!store.use_release("abc-1 " + *word));
    std::vector<std::string> problems;
    BOOST_TEST(store.list(problems)->size() == 1U);
    const policy::Seconds later{std::chrono::seconds{2000}};
    BOOST_TEST(*store.expire(later, std::chrono::seconds{1000}) == 0U);
    BOOST_TEST(*store.expire(later, std::chrono::seconds{999}) == 1U);
    BOOST_TEST(store.list(problems)->empty());
}

BOOST_AUTO_TEST_CASE(a_copy_that_fails_leaves_nothing)
{
    const TempDir dir;
    const Store store{dir.path.string()};
    Kept kept;
    kept.id = "x";
    BOOST_TEST(!store.keep(kept, [](int) -> policy::Status {
        return policy::fail(policy::Errc::io, "disk full");
    }));
    std::vector<std::string> problems;
    BOOST_TEST(store.list(problems)->empty());
    BOOST_TEST(!std::ifstream{store.path("x", ".eml")});
    BOOST_TEST(!Store{dir.path.string() + "/no/parent"}.prepare());
}

BOOST_AUTO_TEST_CASE(attachment_rules_by_declared_type_group_and_exception)
{
    Rules rules;
    Group lab;
    lab.name = "lab";
    lab.recipients = {"*@lab"};
    rules.groups = {lab};
    AttachmentRule rule;
    rule.names = {"*"};
    rule.types = {"*"};
    rule.mime = {"image/*"};
    rule.except = {"*.GIF"};
    rule.group = "lab";
    rules.attachments = {rule};
    Verdict verdict;
    verdict.parts.push_back({"x.png", "", 9, 1, false, "image/png"});
    const MailFrom from{"a@x", {}, ""};
    const auto now = policy::Seconds{};
    BOOST_TEST(decide(rules, from, "b@lab", verdict, now).rule ==
               "attachments");
    BOOST_TEST(decide(rules, from, "b@pub", verdict, now).rule == "");
    verdict.parts[0].name = "x.gif";
    BOOST_TEST(decide(rules, from, "b@lab", verdict, now).rule == "");
    verdict.parts[0] = {"x.png", "CL_TYPE_GIF", 9, 1, false, ""};
    BOOST_TEST(decide(rules, from, "b@lab", verdict, now).rule == "");
}

BOOST_AUTO_TEST_CASE(attachment_rules_by_size_and_excepted_type)
{
    AttachmentRule rule;
    rule.larger = 10;
    rule.smaller = 20;
    rule.except_mime = {"image/*"};
    Rules rules;
    rules.attachments = {rule};
    const auto hit = [&](std::uint64_t size, const char* mime) {
        Verdict verdict;
        verdict.parts.push_back({"x", "", size, 1, false, mime});
        return decide(rules, {"a@x", {}, ""}, "b@y", verdict, {}).rule ==
               "attachments";
    };
    BOOST_TEST(hit(11, "text/html"));
    BOOST_TEST(hit(19, "text/html"));
    BOOST_TEST(!hit(10, "text/html"));
    BOOST_TEST(!hit(20, "text/html"));
    BOOST_TEST(!hit(11, "Image/png"));
    BOOST_TEST(!hit(11, ""));
    rules.attachments[0].smaller = 0;
    BOOST_TEST(hit(1U << 30, "text/html"));
}

BOOST_AUTO_TEST_CASE(groups_that_may_differ)
{
    Rules rules;
    Group a;
    a.name = "a";
    Group b = a;
    b.name = "b";
    BOOST_TEST(!may_differ(rules, &a, &a));
    BOOST_TEST(!may_differ(rules, &a, &b));
    BOOST_TEST(!may_differ(rules, nullptr, &b));
    b.actions[1] = Action::reject;
    BOOST_TEST(may_differ(rules, &a, &b));
    BOOST_TEST(may_differ(rules, nullptr, &b));
    b = a;
    b.name = "b";
    b.scan = false;
    BOOST_TEST(may_differ(rules, &a, &b));
    b.scan = true;
    rules.signatures.push_back({});
    rules.signatures[0].group = "b";
    BOOST_TEST(may_differ(rules, &a, &b));
}

BOOST_AUTO_TEST_CASE(numbers)
{
    Stats stats;
    for (int i = 0; i < 12; ++i)
        stats.count({ScanStatus::infected,
                     Action::reject,
                     10,
                     {},
                     i == 0,
                     "Worm." + std::to_string(i),
                     i < 9 ? "192.0.2.1" : "::1"},
                    policy::Seconds{});
    stats.count({ScanStatus::clean, Action::accept, 5, {}, false, "", "x"},
                policy::Seconds{});
    const auto n = stats.numbers();
    BOOST_TEST(n.messages == 13U);
    BOOST_TEST(n.bytes == 125U);
    BOOST_TEST(n.last.size() == 10U);
    BOOST_TEST(n.last[0].signature == "Worm.11");
    BOOST_TEST(n.top_clients.size() == 2U);
    BOOST_TEST(n.top_clients[0].second == 9U);
    const auto text = prometheus(n, {{"ready", 1}});
    BOOST_TEST(text.find("postern_virus_status_total{status=\"infected\"} "
                         "12\n") != text.npos);
    BOOST_TEST(text.find("# TYPE postern_virus_ready gauge\n"
                         "postern_virus_ready 1\n") != text.npos);
}

BOOST_AUTO_TEST_CASE(header_as_kavmilter_wrote_it)
{
    const EngineInfo engine{"ClamAV", "1.4", 355000, 7, 1795305600, "g"};
    const policy::Seconds now{std::chrono::seconds{1795392000}};
    BOOST_TEST(milters::virus::anti_virus_value(engine, "infected (X)", now) ==
               "Postern virus-milter 0.1.0, bases: 20261122 #355000, check: "
               "20261123 infected");
    BOOST_TEST(milters::virus::anti_virus_value(engine, "not scanned", now)
                   .ends_with(" not_checked"));
}

/// Only a reader of bare CR sees the second header: it must not share the
/// verdict of a message without.
BOOST_AUTO_TEST_CASE(a_header_within_a_header_counts)
{
    const auto digest = [](const char* value) {
        milters::virus::Message message{milters::virus::HashOf::body, 1000};
        message.header("X-A", value);
        message.end_of_headers();
        message.body("x\r\n");
        BOOST_TEST(message.finish().has_value());
        return std::pair{message.digest(), message.has_bare_ends()};
    };
    BOOST_TEST((digest("a") == digest("b")));
    BOOST_TEST((digest("a\n b") == digest("b\r\n\tc")));
    for (const char* odd : {"b\rContent-Type: x/y", "b\nContent-Type: x/y",
                            "b\r\nContent-Type: x/y", "b\r"}) {
        BOOST_TEST((digest("a").first != digest(odd).first), odd);
        BOOST_TEST(digest(odd).second);
    }
    BOOST_TEST(!digest("a\n b").second);
}

BOOST_AUTO_TEST_SUITE_END()
