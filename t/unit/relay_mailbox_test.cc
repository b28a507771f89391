// The form of addresses, as `sendmail -bt` shows it for rulesets canonify and
// CanonAddr of a host with FEATURE(`nocanonify').
#include "policy/relay/mailbox.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

namespace data = boost::unit_test::data;
using namespace policy;
using namespace policy::relay;

namespace {

struct Row {
    const char* address;
    const char* canonical;
    const char* parsed;  ///< or why it is refused
};

std::ostream& operator<<(std::ostream& os, const Row& row)
{
    return os << row.address;
}

const Row rows[] = {
    {"user@example.net", "user<@example.net.>", "user<@example.net.>"},
    {"<user@example.net>", "user<@example.net.>", "user<@example.net.>"},
    {"User Name <user@example.net> (comment)", "user<@example.net.>",
     "user<@example.net.>"},
    {"user@Example.ORG", "user<@Example.ORG.>", "user<@Example.ORG.>"},
    {"user@example.net.", "user<@example.net.>", "user<@example.net.>"},
    {"user", "user", "user"},
    {"user%inner.example@example.org", "user%inner.example<@example.org.>",
     "user<@inner.example.>"},
    {"user%a@b.example@c.example", "user%a@b.example<@c.example.>",
     "553 Invalid route address"},
    {"host!user", "user<@host.UUCP.>", "user<@host.UUCP.>"},
    {"a!b!user@example.net", "a!b!user<@example.net.>",
     "a!b!user<@example.net.>"},
    {"a.dotted.host!user", "user<@a.dotted.host.>", "user<@a.dotted.host.>"},
    {"@one.example,@two.example:user@example.net", "user<@example.net.>",
     "user<@example.net.>"},
    {"<@one.example:user@example.net>", "user<@example.net.>",
     "user<@example.net.>"},
    {"list:;", ":;<@>", "553 List:; syntax illegal for recipient addresses"},
    {"group: user@example.net;", "user<@example.net.>", "user<@example.net.>"},
    {"user@[192.0.2.1]", "user<@[192.0.2.1]>", "user<@[192.0.2.1]>"},
    {"user@[127.0.0.1]", "user<@mx.example.org.>", "user<@mx.example.org.>"},
    {"user@localhost", "user<@mx.example.org.>", "user<@mx.example.org.>"},
    {"\"quoted user\"@example.net", "\"quoted user\"<@example.net.>",
     "\"quoted user\"<@example.net.>"},
    {"user@", "user<@>", "553 Hostname required"},
    {"@example.net", "<@example.net.>", "553 User address required"},
    {"<>", "<@>", "<@>"},
    {"user@host.UUCP", "user<@host.UUCP.>", "user<@host.UUCP.>"},
    {"user+detail@example.org", "user+detail<@example.org.>",
     "user+detail<@example.org.>"},
    {"a@b@c.example", "a@b<@c.example.>", "553 Invalid route address"},
};

struct MailboxFixture {
    static Settings settings()
    {
        Settings s;
        s.domain = "mx.example.org";
        s.local_host_names = {"example.org"};
        s.features = {"nocanonify"};
        return s;
    }

    std::pmr::monotonic_buffer_resource memory;
    std::shared_ptr<const Site> site = *Site::make(settings());
    Canonifier canonifier{*site, nullptr, "", &memory};

    static std::string text(const Mailbox& box)
    {
        return box.error ? box.error->text : joined(box.in_one_row());
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(relay_mailbox, MailboxFixture)

BOOST_DATA_TEST_CASE_F(MailboxFixture, as_sendmail_has_it, data::make(rows))
{
    const auto tokens = tokenise(sample.address, &memory);
    BOOST_TEST(text(canonifier.canonify(tokens)) == sample.canonical);
    BOOST_TEST(text(canonifier.parse(tokens)) == sample.parsed);
}

BOOST_AUTO_TEST_CASE(names_that_dns_has)
{
    const std::function<std::string(std::string_view)> dns =
        [](std::string_view name) {
            return std::string{name == "alias.example" ? "real.example" : ""};
        };
    Settings settings = MailboxFixture::settings();
    settings.features = {};
    const auto asking = *Site::make(settings);
    const auto canonical = [&](const char* address, const char* flags) {
        const Canonifier other{*asking, &dns, flags, &memory};
        return text(other.canonify(tokenise(address, &memory)));
    };
    BOOST_TEST(canonical("user@alias.example", "") == "user<@real.example.>");
    BOOST_TEST(canonical("user@alias.example", "CC f") ==
               "user<@alias.example.>");
    BOOST_TEST(canonical("user@other.example", "") == "user<@other.example>");
}

BOOST_AUTO_TEST_CASE(external_form)
{
    const auto external = [&](const char* address) {
        return canonifier.external(
            canonifier.canonify(tokenise(address, &memory)));
    };
    BOOST_TEST(external("User <user@example.net>") == "user@example.net");
    BOOST_TEST(external("host!user") == "host!user");
    BOOST_TEST(external("user") == "user");
}

BOOST_AUTO_TEST_SUITE_END()
