// Messages as their readers see them, and what recipes can ask about that.
#define BOOST_TEST_DYN_LINK
#include "policy/recipe/decode.h"

#include <boost/test/unit_test.hpp>

#include "policy/recipe/machine.h"

using namespace policy::recipe;

namespace {

const std::string mail =
    "From x@y  Sun Nov 22 01:02:03 2026\n"
    "Subject: =?utf-8?B?R3LDvMOfZQ==?=\n =?iso-8859-1?Q?_aus_K=F6ln?=\n"
    "From: plain\n"
    "MIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=\"=_b\"\n"
    "\n"
    "--=_b\n"
    "Content-Type: text/plain; charset=iso-8859-15\n"
    "Content-Transfer-Encoding: quoted-printable\n"
    "\n"
    "make m=\noney fast: 5 =A4\n"
    "--=_b\n"
    "Content-Type: Application/X-MSDownload; "
    "name=\"=?utf-8?Q?l=C3=B6s.exe?=\"\n"
    "Content-Transfer-Encoding: base64\n"
    "\n"
    "TVo=\n"
    "--=_b\n"
    "Content-Type: message/rfc822\n"
    "\n"
    "Subject: inner\n"
    "Content-Transfer-Encoding: base64\n"
    "\n"
    "aW5uZXIgdGV4dA==\n"
    "--=_b--\n";

struct Maps : World {
    std::shared_ptr<const Plan> rc_file(const std::string&, const std::string&,
                                        Scope) override
    {
        return nullptr;
    }
    policy::Result<std::optional<std::string>> lookup(const std::string& map,
                                                      const std::string& key,
                                                      Scope) override
    {
        using Answer = std::optional<std::string>;
        if (map == "broken")
            return policy::fail(policy::Errc::io, "torn");
        if (map != "access")
            return policy::fail(policy::Errc::usage, "There is no map");
        return key == "From:x@y" ? Answer{"REJECT"} : Answer{};
    }
};

Outcome run_rc(const std::string& rc, bool agent = false)
{
    Maps maps;
    RunSetup setup;
    setup.presets = {{"DEFAULT", "box"}, {"SENDER", "x@y"}};
    setup.host = "here";
    if (agent)
        setup.spool.emplace("/home/a", "here");
    const auto plan = make_plan(rc, "rc");
    BOOST_REQUIRE(plan->usable());
    return run(plan, std::make_shared<const Message>(std::string{mail}), setup,
               maps);
}

/// Whether a recipe with these lines matches.
bool matches(const std::string& flags, const std::string& conditions,
             bool agent = false)
{
    const Outcome out =
        run_rc(":0 " + flags + "\n" + conditions + "{ HIT=yes }\n", agent);
    for (const auto& [name, value] : out.variables)
        if (name == "HIT")
            return true;
    return false;
}

std::string nested(int depth)
{
    std::string out = "Subject: innermost\n\nneedle\n";
    for (int i = 0; i < depth; ++i)
        out = "Content-Type: message/rfc822\n\n" + out;
    return out;
}

std::string many_parts(std::size_t count)
{
    std::string out = "Content-Type: multipart/mixed; boundary=b\n\n";
    for (std::size_t i = 1; i < count; ++i)
        out += "--b\nContent-Type: text/plain\n\nx\n";
    return out + "--b\nContent-Type: text/plain\n\nneedle\n--b--\n";
}

bool finds_needle(const std::string& text)
{
    return decode("\n", text).body.find("needle") != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(decode_suite)

BOOST_AUTO_TEST_CASE(decoded_matching_needs_its_flag)
{
    const std::string subject =
        "* ^Subject: Gr\xc3\xbc\xc3\x9f"
        "e aus K\xc3\xb6ln$\n";
    BOOST_TEST(matches("U", subject));
    BOOST_TEST(!matches("", subject));
    const std::string body = "* make money fast: 5 \xe2\x82\xac\n";
    BOOST_TEST(matches("BU", body));
    BOOST_TEST(!matches("B", body));
    BOOST_TEST(matches("UHB", "* ^inner text$\n"));
    BOOST_TEST(matches("U", "* ^From: plain$\n"));
    // A delivery agent knows no such flag.
    BOOST_TEST(!matches("BU", body, true));
}

BOOST_AUTO_TEST_CASE(attachments_by_name_and_type)
{
    BOOST_TEST(matches("", "* ATTACHMENT_NAMES ?? ^l\xc3\xb6s\\.exe$\n"));
    BOOST_TEST(
        matches("", "* ATTACHMENT_TYPES ?? ^application/x-msdownload$\n"));
    BOOST_TEST(!matches("", "* ATTACHMENT_NAMES ?? \\.zip$\n"));
    BOOST_TEST(!matches("", "* ATTACHMENT_NAMES ?? exe\n", true));
}

BOOST_AUTO_TEST_CASE(maps_are_asked)
{
    const auto found = [](const std::string& rc) {
        for (const auto& [name, value] : run_rc(rc).variables)
            if (name == "FOUND")
                return value;
        return std::string{"(unset)"};
    };
    BOOST_TEST(found("LOOKUP=\"access From:$SENDER\"\n") == "REJECT");
    BOOST_TEST(found("FOUND=old\nLOOKUP=\"access To:z\"\n") == "(unset)");
    BOOST_TEST(found("LOOKUP=\"nowhere x\"\n") == "(unset)");
    BOOST_TEST((run_rc("LOOKUP=\"broken x\"\n").ending == Ending::limit));
}

/// A part whose header has this many lines.
std::string many_fields(std::size_t lines)
{
    std::string out = "Content-Type: multipart/mixed; boundary=b\n\n--b\n";
    for (std::size_t i = 0; i < lines; ++i)
        out += "X: y\n";
    return out + "\nneedle\n--b--\n";
}

/// Lines of a text are not those of a header, whatever they look like.
std::string long_text(const std::string& line)
{
    std::string out = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n";
    for (std::size_t i = 0; i < 2 * decoded_header_lines; ++i)
        out += line;
    return out + "needle\n--b--\n";
}

BOOST_AUTO_TEST_CASE(texts_are_not_cut_for_their_lines)
{
    BOOST_TEST(finds_needle(long_text("12:01: message/rfc822\n")));
    BOOST_TEST(finds_needle(long_text("-- \n\nx\n")) == false);
}

BOOST_AUTO_TEST_CASE(what_is_decoded_has_limits)
{
    BOOST_TEST(finds_needle(nested(decoded_depth)));
    BOOST_TEST(!finds_needle(nested(decoded_depth + 1)));
    BOOST_TEST(finds_needle(many_parts(decoded_parts)));
    BOOST_TEST(!finds_needle(many_parts(decoded_parts + 1)));
    // Two lines are those of Content-Type and boundary.
    BOOST_TEST(finds_needle(many_fields(decoded_header_lines - 2)));
    BOOST_TEST(!finds_needle(many_fields(decoded_header_lines - 1)));
    std::string large = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n";
    large += std::string(decoded_bytes - 1, 'x');
    const std::string rest = "\n--b\n\nneedle\n--b--\n";
    BOOST_TEST(!finds_needle(large + rest));
    large.resize(large.size() - 1);
    BOOST_TEST(finds_needle(large + rest));
}

BOOST_AUTO_TEST_SUITE_END()
