// Whether strangers may send through this host.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "milters/doctor/checks.h"
#include "milters/doctor/child.h"
#include "milters/doctor/waits.h"
#include "policy/map/class_file.h"
#include "policy/sendmail/words.h"

namespace milters::doctor {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds limit = 30s;
constexpr const char* elsewhere = "postern-check.invalid";

/// A mail that no host may take: from nowhere to nowhere.
struct Attempt {
    std::string client;  ///< address, as ${client_addr}
    std::string name;    ///< empty: none in reverse DNS
    std::string from;
    std::string rcpt;
};

/// Addresses of the networks for documentation, which are nobody's; a sender
/// who says that he is local; recipients that go through hosts which may relay.
/// The dot at the end keeps sendmail from asking DNS about the name.
std::vector<Attempt> attempts(const std::vector<std::string>& hosts)
{
    const std::string at = std::string{elsewhere} + ".";
    const std::string far = "victim@" + at;
    const std::string from = "someone@" + at;
    std::vector<Attempt> all{
        {"203.0.113.77", "", from, far},
        {"198.51.100.77", "client." + std::string{elsewhere}, from, far},
        {"IPv6:2001:db8:0:0:0:0:0:77", "", from, far}};
    for (const auto& host : hosts) {
        all.push_back({"203.0.113.77", "", "postmaster@" + host, far});
        all.push_back({"203.0.113.77", "", from, "victim%" + at + "@" + host});
        all.push_back({"203.0.113.77", "", from, "@" + host + ":" + far});
        all.push_back({"203.0.113.77", "", from, at + "!victim@" + host});
    }
    return all;
}

/// What `sendmail -bt` is told, so that it believes to talk to this client.
std::string question(const Attempt& a)
{
    const auto literal = "[" + a.client + "]";
    std::string text;
    const auto define = [&](const char* macro, const std::string& value) {
        text += std::string{".D"} + macro + value + "\n";
    };
    define("{client_addr}", a.client);
    define("{client_name}", a.name.empty() ? literal : a.name);
    define("{client_ptr}", a.name.empty() ? literal : a.name);
    define("{client_resolve}", a.name.empty() ? "FAIL" : "OK");
    define("{auth_type}", "");
    define("{mail_from}", "<" + a.from + ">");
    define("f", a.from);
    return text + "check_rcpt <" + a.rcpt + ">\n";
}

/// The result of check_rcpt for each question, in order.
std::vector<std::string> results(const std::string& said)
{
    std::vector<std::string> all;
    for (std::string_view rest{said}; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        line.remove_prefix(std::min(line.find_first_not_of("> "), line.size()));
        const auto at = line.find("returns:");
        if (line.starts_with("check_rcpt ") && at != line.npos)
            all.emplace_back(policy::sendmail::trimmed(line.substr(at + 8)));
    }
    return all;
}

bool refused(const std::string& result)
{
    return result.starts_with("$# error") || result.starts_with("$# discard");
}

std::string told(const Attempt& a)
{
    std::string text = a.client + (a.name.empty() ? "" : " (" + a.name + ")") +
                       ", MAIL FROM:<" + a.from + ">, RCPT TO:<" + a.rcpt + ">";
    // The dot behind the name is of no use to who tries it by SMTP.
    const std::string dotted = std::string{elsewhere} + ".";
    for (auto at = text.find(dotted); at != text.npos; at = text.find(dotted))
        text.erase(at + dotted.size() - 1, 1);
    return text;
}

/// The name by which this host is known, as sendmail has it.
std::string own_name(const Host& host)
{
    const auto j = host.cf.macro("j");
    if (j && j->value.find('$') == std::string::npos)
        return j->value;
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

/// Names that mail may go through: this host's, and the first that it relays
/// for.
std::vector<std::string> names_on_the_way(const Host& host)
{
    std::vector<std::string> names{own_name(host)};
    auto relayed = host.cf.class_words("R");
    for (const auto& file : host.cf.class_files())
        if (file.name == "R" && relayed.empty())
            if (auto words = policy::map::read_class_file(
                    file.path, policy::map::ClassFormat::first_word, true))
                relayed = std::move(*words);
    if (!relayed.empty())
        names.push_back(relayed.front());
    std::erase(names, "");
    return names;
}

Findings not_asked(const Host& host, const std::string& why)
{
    return {{{host.sendmail},
             "sendmail could not be asked whether it relays: " + why,
             "try " + host.sendmail + " -bt -C " + host.cf.path()}};
}

bool has_word(const Cf& cf, const char* option,
              const std::vector<std::string>& words)
{
    const auto given = cf.option(option);
    for (const auto& word :
         policy::sendmail::split(given ? given->value : "", " ,\t"))
        if (std::find(words.begin(), words.end(), word) != words.end())
            return true;
    return false;
}

/// Whether check_rcpt ever asks Relay_ok, as all but promiscuous hosts do.
bool asks_whether_to_relay(const Cf& cf)
{
    return std::any_of(
        cf.lines().begin(), cf.lines().end(), [](const auto& line) {
            return line.kind == 'R' &&
                   line.text.find("Relay_ok") != std::string::npos;
        });
}

/// The FEATURE in the .mc file that sendmail.cf is made of, though it is not
/// yet in there.
std::optional<Place> promiscuous_source(const Host& host)
{
    const auto name = own_name(host);
    for (const auto& stem :
         {std::string{"sendmail"}, name, name.substr(0, name.find('.'))}) {
        const auto path = host.config->mail_dir + "/" + stem + ".mc";
        std::ifstream in{path};
        std::string line;
        for (int number = 1; std::getline(in, line); ++number) {
            const auto at = line.find("promiscuous_relay");
            const auto before = line.substr(0, at);
            if (at != line.npos && before.find("FEATURE") != before.npos &&
                before.find("dnl") == before.npos &&
                before.find('#') == before.npos)
                return Place{path, number};
        }
    }
    return std::nullopt;
}

/// The FEATURE in sendmail.cf, or in what it is made of.
Findings promiscuous_sendmail(const Host& host)
{
    constexpr const char* cure =
        "take it out of the .mc file; FEATURE(`postern_relay') lets your "
        "users relay";
    const Cf& cf = host.cf;
    int line = cf.comment("promiscuous_relay.m4");
    // Remarks may have been taken out; the rules tell all the same.
    if (line == 0 && !asks_whether_to_relay(cf))
        line = cf.ruleset("Basic_check_rcpt");
    if (line != 0)
        return {{host.at(line),
                 "FEATURE(`promiscuous_relay') lets anybody send through "
                 "this host",
                 cure}};
    if (const auto place = promiscuous_source(host))
        return {{*place,
                 "FEATURE(`promiscuous_relay') will let anybody send through "
                 "this host when " +
                     cf.path() + " is made again",
                 cure}};
    return {};
}

}  // namespace

Findings open_relay(const Host& host)
{
    if (waits_for_name())
        return not_asked(host, "it would wait a minute for the host's name");
    const auto all = attempts(names_on_the_way(host));
    std::string text;
    for (const auto& attempt : all)
        text += question(attempt);
    const auto said =
        output_of({host.sendmail, "-bt", "-C", host.cf.path()}, text, limit);
    if (!said)
        return not_asked(host, said.error().text);
    const auto answers = results(*said);
    if (answers.size() != all.size())
        return not_asked(host, said->substr(0, said->find('\n')));
    for (std::size_t i = 0; i < all.size(); ++i)
        if (!refused(answers[i]))
            return {{host.at(host.cf.ruleset("check_rcpt")),
                     "anybody may send through this host: it would take " +
                         told(all[i]),
                     "look at relay-domains, the access map and FEATUREs that "
                     "relay; postern explain with that client tells the rule"}};
    return {};
}

Findings promiscuous_setting(const Site& site)
{
    const auto& features = site.config->relay.features;
    if (std::find(features.begin(), features.end(), "promiscuous_relay") ==
        features.end())
        return {};
    return {{site.place_of("relay.features"),
             "relay.features has promiscuous_relay, which relay-milter ignores",
             "take it out, there and in the .mc file"}};
}

Findings promiscuous_relay(const Host& host)
{
    auto found = promiscuous_sendmail(host);
    for (auto& finding : promiscuous_setting(host))
        found.push_back(std::move(finding));
    return found;
}

Findings plain_without_tls(const Host& host)
{
    const auto mechanisms = host.cf.option("AuthMechanisms");
    if (!has_word(host.cf, "AuthMechanisms", {"PLAIN", "LOGIN"}))
        return {};
    const auto options = host.cf.option("AuthOptions");
    if (options && options->value.find('p') != std::string::npos)
        return {};
    return {{host.at(options ? options->line : mechanisms->line),
             "PLAIN and LOGIN are offered without TLS: passwords can be read "
             "on the way",
             "add p: define(`confAUTH_OPTIONS', `A p y')"}};
}

}  // namespace milters::doctor
