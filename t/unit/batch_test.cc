// `postern explain --batch`: addresses of odd forms, as sendmail 8.17.1 was
// seen to answer them.
#define BOOST_TEST_DYN_LINK
#include "milters/postern/batch.h"

#include <algorithm>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>

using milters::postern::Batch;
using nlohmann::json;
namespace data = boost::unit_test::data;

namespace {

/// Of a host with the local domain example.org; every name is in DNS.
json answer(const std::string& access, const std::string& mail,
            const std::string& rcpt)
{
    const json one_case = {
        {"config",
         {{"features",
           {"access_db", "blocklist_recipients", "lookupdotdomain"}},
          {"access", access},
          {"local_host_names", {"example.org"}}}},
        {"client", {{"addr", "198.51.100.9"}, {"name", "client.example.com"}}},
        {"mail", mail},
        {"rcpt", rcpt},
        {"trace", true}};
    return json::parse(Batch{}.answer(one_case.dump()).dump());
}

/// The reply of the stage that decided; without a refusal its verdict.
std::string reply(const json& answer)
{
    const json& said = answer.at(answer.at("stage").get<std::string>());
    if (!said.contains("code"))
        return answer.at("verdict");
    return std::to_string(said.at("code").get<int>()) + " " +
           said.at("dsn").get<std::string>() + " " +
           said.at("text").get<std::string>();
}

struct Row {
    const char* about;
    const char* access;
    const char* mail;
    const char* rcpt;
    const char* want;
};
std::ostream& operator<<(std::ostream& out, const Row& row)
{
    return out << row.about;
}

const char* const sender = "<s@other.example.com>";

const Row rows[] = {
    {"a literal without angle brackets gets its tag from the rule", "",
     "a@[IPV6:2001:DB8:0:0:0:0:0:99]", "<r@example.org>",
     "553 5.1.8 Domain of sender address a@[IPv6:2001:DB8:0:0:0:0:0:99] does "
     "not exist"},
    {"in angle brackets it keeps its own", "",
     "<a@[IPV6:2001:DB8:0:0:0:0:0:99]>", "<r@example.org>",
     "553 5.1.8 Domain of sender address a@[IPV6:2001:DB8:0:0:0:0:0:99] does "
     "not exist"},
    {"a route keeps it too", "",
     "@remote.example:a@[IPV6:2001:DB8:0:0:0:0:0:99]", "<r@example.org>",
     "553 5.1.8 Domain of sender address a@[IPV6:2001:DB8:0:0:0:0:0:99] does "
     "not exist"},
    {"a bracket that DNS answers with goes, and the dot is one", "", sender,
     "<a@trailing.example.\\>", "550 5.7.1 Relaying denied"},
    {"the daemon reads a comma as part of the address", "", sender,
     "<a,b@example.org>", "553 5.1.3 Invalid route address"},
    {"but not in quotes", "", sender, "<\"a,b\"@example.org>", "accept"},
    {"the daemon drops comments", "To:a@example.org\tREJECT\n", sender,
     "<a(c)@example.org>", "550 5.2.1 Mailbox disabled for this recipient"},
    {"an enhanced code alone is text to the daemon",
     "To:r@example.org\t550 5.7.1\n", sender, "<r@example.org>",
     "550 5.0.0 5.7.1"},
    {"so is it behind ERROR:", "To:r@example.org\tERROR:5.7.2:550 5.7.1\n",
     sender, "<r@example.org>", "550 5.7.2 5.7.1"},
    {"a quote that \\ keeps stands behind a blank",
     "To:r@example.org\t550 a\\b \\\"c\n", sender, "<r@example.org>",
     "550 5.0.0 ab \"c"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(batch)

BOOST_DATA_TEST_CASE(as_sendmail_answers, data::make(rows))
{
    BOOST_TEST(reply(answer(sample.access, sample.mail, sample.rcpt)) ==
               sample.want);
}

BOOST_AUTO_TEST_CASE(a_uucp_host_that_dns_lacks_is_not_read_again)
{
    const auto said = answer("", sender, "<v@\\\"u.UUCP>");
    const auto& keys = said.at("probes");
    for (const char* const key : {"rcpt to:\"u.uucp", "rcpt to:uucp"})
        BOOST_TEST(std::count(keys.begin(), keys.end(), key) == 2, key);
    BOOST_TEST(reply(said) == "550 5.7.1 Relaying denied");
}

BOOST_AUTO_TEST_SUITE_END()
