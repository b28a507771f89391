// postern.yaml: every type at its bounds, every mistake with its line.
#define BOOST_TEST_DYN_LINK
#include "policy/config/effective.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <ostream>
#include <set>

using namespace policy::config;
namespace data = boost::unit_test::data;

namespace {

/// A text, and the only problem it has ("" if it is fine).
struct Case {
    const char* yaml;
    const char* problem;
};

std::ostream& operator<<(std::ostream& out, const Case& c)
{
    return out << c.yaml;
}

std::string problems_of(const std::string& yaml)
{
    std::string all;
    for (const auto& problem : load_text(yaml, "f").problems)
        all += (all.empty() ? "" : "\n") + problem;
    return all;
}

const Case cases[] = {
    {"", ""},
    {"# nothing\n", ""},
    {"relay:\n", ""},
    {"mail_dir: /m\n", ""},
    {"mail_dir: m\n", "f:1: mail_dir: 'm' is not an absolute path"},
    {"mail_dir: [/m]\n", "f:1: mail_dir: one value is wanted"},
    {"mail_dir:\n", "f:1: mail_dir has no value"},
    {"a: 1\n", "f:1: unknown setting a"},
    {"metrics: {listen: '1:1'}\n", "f:1: unknown setting metrics"},
    {"relay:\n  sockett: x\n", "f:2: unknown setting relay.sockett"},
    {"relay: 3\n", "f:1: relay: a section (key: value) is wanted"},
    {"- relay\n", "f:1: the file: a section (key: value) is wanted"},
    {"just words\n", "f:1: the file: a section (key: value) is wanted"},
    {"mail_dir: /a\nmail_dir: /b\n", "f:2: mail_dir is set twice"},
    {"relay: {window: 3m}\n", "f:1: unknown setting relay.window"},
    {"relay:\n  relayers:\n    window: -3\n",
     "f:3: relay.relayers.window: '-3' is not a duration, such as 90s, 30m, "
     "1h30m or 7d"},
    {"relay: {relayers: {window: 30}}",
     "f:1: relay.relayers.window: '30' is not a duration, such as 90s, 30m, "
     "1h30m or 7d"},
    {"relay: {relayers: {window: 3650d}}", ""},
    {"relay: {relayers: {window: 3651d}}",
     "f:1: relay.relayers.window: '3651d' is not between 0 and 3650d"},
    {"relay: {relayers: {window: 99999999999999999999d}}",
     "f:1: relay.relayers.window: '99999999999999999999d' is not a duration, "
     "such as 90s, 30m, 1h30m or 7d"},
    {"relay: {relayers: {ipv6_prefix: 15}}",
     "f:1: relay.relayers.ipv6_prefix: '15' is not between 16 and 128"},
    {"relay: {relayers: {ipv6_prefix: 129}}",
     "f:1: relay.relayers.ipv6_prefix: '129' is not between 16 and 128"},
    {"relay: {relayers: {ipv6_prefix: 64x}}",
     "f:1: relay.relayers.ipv6_prefix: '64x' is not a whole number"},
    {"relay: {relayers: {store: mysql}}",
     "f:1: relay.relayers.store: 'mysql' is not one of: bdb redis none"},
    {"relay: {relayers: {store: redis}}",
     "f:1: relay.relayers.store: redis needs relay.relayers.url"},
    {"relay: {access: /m/a, relayers: {file: /m/a.db}}\n",
     "f:1: relay.relayers.file: is relay.access, whose entries are no grants"},
    {"relay: {relayers: {store: redis, url: 'redis://h:1/0'}}", ""},
    {"relay: {relayers: {url: 'redis://h:1/0'}}",
     "f:1: relay.relayers.url: used only with store: redis"},
    {"relay: {relayers: {protect: [192.0.2.1/24]}}",
     "f:1: relay.relayers.protect: '192.0.2.1/24' is not an address or a "
     "network (host bits must be zero)"},
    {"relay: {access_optional: maybe}",
     "f:1: relay.access_optional: 'maybe' is neither true nor false"},
    {"relay: {socket_mode: '888'}",
     "f:1: relay.socket_mode: '888' is not octal permission bits"},
    {"relay: {socket_mode: 01777}",
     "f:1: relay.socket_mode: '01777' is not between 0 and 511"},
    {"relay: {socket: tcp:25}",
     "f:1: relay.socket: socket 'tcp:25' is not unix:/path, inet:port@host "
     "or inet6:port@host"},
    {"relay: {socket: none}", "f:1: relay.socket: the milter needs a socket"},
    {"relay: {socket: 'inet:0@127.0.0.1'}",
     "f:1: relay.socket: port '0' is not 1 to 65535"},
    {"relay: {socket: /r/x.sock, map_socket: 'local:/r/x.sock'}",
     "f:1: relay.map_socket: unix:/r/x.sock is already relay.socket"},
    {"relay: {control_socket: 'inet:2000@127.0.0.1'}",
     "f:1: relay.control_socket: who may speak here is told by the file or by "
     "the kernel: only a unix socket will do"},
    {"relay: {login: {listen: '127.0.0.1:1'}}",
     "f:1: relay.login.listen: needs relay.login.secret_file: any local user "
     "can reach the port"},
    {"relay: {login: {listen: '::1:80', secret_file: /etc/hostname}}",
     "f:1: relay.login.listen: address '::1:80' needs brackets: [host]:port"},
    {"relay: {login: {follow: {file: /x}}}",
     "f:1: relay.login.follow: a list is wanted"},
    {"relay: {login: {follow: [{file: x}]}}",
     "f:1: relay.login.follow[0].file: 'x' is not an absolute path"},
    {"relay: {login: {follow: [{files: /x}]}}",
     "f:1: unknown setting relay.login.follow[0].files"},
    {"relay:\n  login:\n    follow:\n    - {file: /x}\n    - {format: uw}\n",
     "f:5: relay.login.follow[1].format: a log to follow needs file"},
    {"relay: {login: {services: []}}",
     "f:1: relay.login.services: no login would count"},
    {"relay: {accounts: {check: map}}",
     "f:1: relay.accounts.check: map needs relay.accounts.map"},
    {"relay: {domain: \"a\\nb\"}",
     "f:1: relay.domain: control character in the value"},
    {"on_error: accept\n", "f:1: on_error: 'accept' is not one of: tempfail"},
    {"a: [\n", "f:2: not YAML: end of sequence flow not found"},
    {"a: b: c\n", "f:1: not YAML: illegal map value"},
    {"--- {}\n--- {}\n", "f:2: more than one document"},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(config)

BOOST_DATA_TEST_CASE(one_mistake_one_line, data::make(cases), c)
{
    BOOST_TEST(problems_of(c.yaml) == c.problem);
}

BOOST_AUTO_TEST_CASE(all_mistakes_are_reported)
{
    BOOST_TEST(
        problems_of("x: 1\nmail_dir: y\nrelay: {z: 1, features: {}}\n") ==
        "f:1: unknown setting x\n"
        "f:2: mail_dir: 'y' is not an absolute path\n"
        "f:3: unknown setting relay.z\n"
        "f:3: relay.features: a list is wanted");
}

BOOST_AUTO_TEST_CASE(binary_garbage_is_one_clear_error)
{
    const std::string garbage{"\x7f\x45LF\x02\x01\0\0\xff\xfe{[", 13};
    const auto problems = load_text(garbage, "f").problems;
    BOOST_TEST(problems.size() == 1U);
    BOOST_TEST(problems.front().starts_with("f:1: "));
}

BOOST_AUTO_TEST_CASE(defaults)
{
    const auto config = load_text("", "f").config;
    BOOST_REQUIRE(config);
    BOOST_TEST(config->mail_dir == "/etc/mail");
    BOOST_TEST(config->relay.socket.text() == "unix:/run/postern/relay.sock");
    BOOST_TEST(config->relay.map_socket.text() == "unix:/run/postern/map.sock");
    BOOST_TEST(config->relay.policy_socket.off());
    BOOST_TEST(config->relay.access == "/etc/mail/access");
    BOOST_TEST(config->relay.relayers.file == "/etc/mail/relayers.db");
    BOOST_TEST(config->relay.relayers.window.count() == 1800);
    BOOST_TEST(config->relay.socket_mode == 0660U);
    BOOST_TEST(config->relay.features.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_depends_on_other_settings_follows_them)
{
    const auto config =
        load_text(
            "mail_dir: /m\nrelay: {socket: 'unix:/r/a.sock', policy_socket: "
            "'inet6:10040@::1', map_socket: none}\n",
            "f")
            .config;
    BOOST_REQUIRE(config);
    BOOST_TEST(config->relay.control_socket.text() == "unix:/r/control.sock");
    BOOST_TEST(config->relay.pid_file == "/r/relay.pid");
    BOOST_TEST(config->relay.map_socket.off());
    BOOST_TEST(config->relay.policy_socket.host == "::1");
    BOOST_TEST(config->relay.relay_domains.front() == "/m/relay-domains");
}

BOOST_AUTO_TEST_CASE(values_of_every_type)
{
    const auto config =
        load_text(
            "relay:\n"
            "  features: [access_db, 'delay_checks:friend']\n"
            "  trust_auth_mech: PLAIN\n"
            "  map_timeout: 1s500ms\n"
            "  socket_mode: 0640\n"
            "  access_optional: yes\n"
            "  relayers: {window: 1h30m, ipv6_prefix: 64, sync: journal,\n"
            "             protect: [192.0.2.0/24, '2001:db8::/32']}\n"
            "  login:\n"
            "    follow:\n"
            "    - {file: /a, format: uw}\n"
            "    - {file: /b}\n",
            "f")
            .config;
    BOOST_REQUIRE(config);
    const auto& relay = config->relay;
    BOOST_TEST(relay.features.at(1) == "delay_checks:friend");
    BOOST_TEST(relay.trust_auth_mech.at(0) == "PLAIN");
    BOOST_TEST(relay.map_timeout.count() == 1500);
    BOOST_TEST(relay.socket_mode == 0640U);
    BOOST_TEST(relay.access_optional);
    BOOST_TEST(relay.relayers.window.count() == 5400);
    BOOST_TEST(relay.relayers.sync);
    BOOST_TEST(relay.relayers.protect.at(1).text() == "2001:db8::/32");
    BOOST_TEST(relay.login.follow.at(1).format == "dovecot");
    BOOST_TEST(config->values.place("relay.relayers.window") == "f:7");
    BOOST_TEST(config->values.place("mail_dir") == "f");
}

BOOST_AUTO_TEST_CASE(a_file_that_is_missing_or_a_folder)
{
    BOOST_TEST(load("/nonexistent/p.yaml").problems.at(0) ==
               "/nonexistent/p.yaml: No such file or directory");
    BOOST_TEST(load("/tmp").problems.at(0) == "/tmp: Is a directory");
}

BOOST_AUTO_TEST_CASE(what_is_printed_can_be_read_again)
{
    const auto first =
        load_text(
            "mail_dir: '/with space: #x'\n"
            "relay: {features: ['a:b', c], login: {follow: [{file: /a}]},\n"
            "        relayers: {window: 90s, protect: ['::1/128']}}\n",
            "f")
            .config;
    BOOST_REQUIRE(first);
    const auto text = print(*first);
    const auto again = load_text(text, "again");
    BOOST_TEST(again.problems.empty());
    BOOST_REQUIRE(again.config);
    BOOST_TEST(again.config->mail_dir == "/with space: #x");
    BOOST_TEST(again.config->relay.features.at(0) == "a:b");
    BOOST_TEST(again.config->relay.login.follow.at(0).file == "/a");
    BOOST_TEST(again.config->relay.relayers.window.count() == 90);
    BOOST_TEST(text.find("window: 90s  # set") != std::string::npos);
    BOOST_TEST(text.find("map_workers: 4\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_a_reload_cannot_take_over)
{
    const auto load = [](const std::string& yaml) {
        return load_text(yaml, "f").config;
    };
    const auto old = load(
        "relay: {socket: /a, relayers: {window: 1m}, login: {follow: [{file: "
        "/x}]}}");
    BOOST_TEST(needs_restart(*old, *old).empty());
    const auto fresh = load(
        "relay: {socket: /b, relayers: {window: 2m}, login: {follow: [{file: "
        "/y}]}}");
    const auto names = needs_restart(*old, *fresh);
    BOOST_TEST(names.size() == 2U);
    BOOST_TEST(names.at(0) == "relay.socket");
    BOOST_TEST(names.at(1) == "relay.login.follow[].file");
}

/// Each setting with its value and origin; what depends on others is spelt out.
BOOST_AUTO_TEST_CASE(effective_settings)
{
    const auto config = load_text(
                            "mail_dir: /m\n"
                            "relay:\n"
                            "  socket: unix:/s/relay.sock\n"
                            "  login:\n"
                            "    follow: [{file: /var/log/a},\n"
                            "             {file: /b, format: uw}]\n"
                            "virus:\n"
                            "  skip: {access: /m/access}\n",
                            "f.yaml")
                            .config;
    BOOST_REQUIRE(config);
    std::map<std::string, std::string> said;
    for (const auto& setting : effective(*config))
        BOOST_TEST(
            said.emplace(setting.name,
                         (setting.value ? text_of(*setting.key, *setting.value)
                                        : "none") +
                             " " + setting.origin)
                .second,
            setting.name << " stands there twice");
    BOOST_TEST(said.at("mail_dir") == "/m f.yaml:1");
    BOOST_TEST(said.at("relay.map_socket") == "unix:/s/map.sock default");
    BOOST_TEST(said.at("relay.access") == "/m/access default");
    BOOST_TEST(said.at("relay.login.follow[0].format") == "dovecot default");
    BOOST_TEST(said.at("relay.login.follow[1].format") == "uw f.yaml:6");
    BOOST_TEST(said.at("virus.skip.access") == "/m/access f.yaml:8");
    BOOST_TEST(said.at("user") == "none default");
    for (const auto& key : keys())
        if (key.name.find("[]") == key.name.npos)
            BOOST_TEST(said.contains(std::string{key.name}), key.name);
}

/// What is printed can be read, and is the same again.
BOOST_AUTO_TEST_CASE(effective_settings_can_be_read_back)
{
    const std::string text =
        "relay: {trust_auth_mech: [PLAIN], relayers: {protect: [10.0.0.0/8]},\n"
        "        login: {follow: [{file: /a}, {file: /b, format: uw}]}}\n"
        "virus: {skip: {access: /m/access}, reject_text: 'it''s: # %s',\n"
        "        headers: {anti_virus: X-Anti-Virus}}\n";
    const auto first = load_text(text, "f").config;
    BOOST_REQUIRE(first);
    for (const auto& printed : {print(*first), print_effective(*first)}) {
        const auto again = load_text(printed, "g");
        BOOST_TEST(again.problems.empty());
        BOOST_REQUIRE(again.config);
        const auto one = effective(*first);
        const auto other = effective(*again.config);
        BOOST_TEST_REQUIRE(one.size() == other.size());
        for (std::size_t i = 0; i < one.size(); ++i)
            BOOST_TEST((one[i].name == other[i].name &&
                        one[i].value == other[i].value),
                       one[i].name);
    }
}

BOOST_AUTO_TEST_CASE(the_url_of_redis_may_be_in_a_file)
{
    const std::string path =
        "/tmp/postern-config-test." + std::to_string(getpid());
    std::ofstream{path} << "redis://:hush-hush@h/0\nmore\n";
    const auto config =
        load_text("relay: {relayers: {store: redis, url_file: " + path + "}}",
                  "f")
            .config;
    BOOST_REQUIRE(config);
    const auto url = redis_url(config->relay.relayers);
    std::remove(path.c_str());
    BOOST_TEST(url.value() == "redis://:hush-hush@h/0");
    BOOST_TEST(print(*config).find("hush") == std::string::npos);
    BOOST_TEST(redis_url(config->relay.relayers).error().text ==
               path + ": No such file or directory");
}

/// The table itself: defaults parse, fit their bounds, names are unique.
BOOST_AUTO_TEST_CASE(the_table_is_sound)
{
    std::set<std::string_view> names;
    for (const auto& key : keys()) {
        BOOST_TEST_CONTEXT(key.name)
        {
            BOOST_TEST(names.insert(key.name).second);
            BOOST_TEST(!key.about.empty());
            BOOST_CHECK_NO_THROW(default_of(key));
        }
    }
}

BOOST_AUTO_TEST_CASE(mechanisms_are_parted_by_blanks_too)
{
    const std::vector<std::string> want{"PLAIN", "LOGIN"};
    for (const char* const text :
         {"PLAIN LOGIN", "' PLAIN  LOGIN '", "[PLAIN, LOGIN]",
          "['PLAIN LOGIN']", "['PLAIN ', ' LOGIN']"}) {
        const auto loaded = load_text(
            std::string{"relay: {trust_auth_mech: "} + text + "}\n", "x");
        BOOST_REQUIRE(loaded.config);
        BOOST_TEST(loaded.config->relay.trust_auth_mech == want,
                   boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_SUITE_END()
