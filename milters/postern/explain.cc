#include "milters/postern/explain.h"

#include <sysexits.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "milters/postern/batch.h"
#include "milters/postern/dialogue.h"
#include "milters/postern/message.h"
#include "milters/postern/options.h"
#include "milters/postern/past.h"
#include "milters/postern/show.h"
#include "milters/relay/assemble.h"
#include "milters/relay/guard.h"
#include "policy/relayers/direct_store.h"

namespace milters::postern {
namespace {

using policy::relay::NameStatus;
using policy::relay::Resolve;
using policy::sendmail::Router;
namespace config = policy::config;

constexpr int answer_is_no = 1;

struct Arguments {
    ConfigOptions common;
    bool json = false;
    bool batch = false;
    bool trace = false;

    std::string client_addr;
    std::string client_name;
    std::string client_resolve;
    std::string helo;
    std::string auth_user;
    std::string auth_type;
    std::string tls_verify;
    std::string sender_resolve = "OK";
    std::string from;
    std::vector<std::string> rcpts;
    std::string sendmail_cf;
    std::string message;   ///< file to take what is not given from
    std::string queue_id;  ///< of a past message
};

void add_client_options(CLI::App& app, Arguments& a)
{
    app.add_option("--client-addr", a.client_addr,
                   "the client's address, IPv4 or IPv6");
    app.add_option("--client-name", a.client_name, "its name in reverse DNS");
    app.add_option("--client-resolve", a.client_resolve,
                   "whether the name leads back: OK (default with a name), "
                   "FAIL (default without), FORGED, TEMP")
        ->check(CLI::IsMember({"OK", "FAIL", "FORGED", "TEMP"}));
    app.add_option("--helo", a.helo, "what it says in HELO");
    app.add_option("--auth-user", a.auth_user, "who logged in by SMTP AUTH");
    app.add_option("--auth-type", a.auth_type,
                   "the mechanism of that login (default PLAIN)");
    app.add_option("--tls-verify", a.tls_verify,
                   "${verify} of its certificate: OK, FAIL, NO, ...");
}

void add_options(CLI::App& app, Arguments& a)
{
    add_config_options(app, a.common);
    app.add_flag("--json", a.json, "print JSON");
    app.add_flag("--trace", a.trace, "print every question asked on the way");
    app.add_flag("--batch", a.batch,
                 "answer the cases on standard input, a JSON object a line");
    app.add_option("--from", a.from, "sender (default <>)");
    app.add_option("--rcpt", a.rcpts, "recipient; may be given again");
    app.add_option("--sendmail-cf", a.sendmail_cf,
                   "tell by this file what becomes of accepted mail (default "
                   "sendmail.cf in the mail directory)");
    app.add_option("--message", a.message,
                   "take what is not given from the header of this message");
    app.add_option("--queue-id", a.queue_id,
                   "tell what the decision log has about a past message");
    app.add_option("--sender-resolve", a.sender_resolve,
                   "what DNS says of the sender's domain: OK (default), PERM, "
                   "TEMP")
        ->check(CLI::IsMember({"OK", "PERM", "TEMP"}));
    add_client_options(app, a);
}

/// The grants as the files have them; null where there is no relayers.db.
policy::Result<std::shared_ptr<policy::relayers::Store>> grants(
    const config::Config& c)
{
    const auto& r = c.relay.relayers;
    if (r.store != "bdb" || !std::filesystem::exists(r.file))
        return nullptr;
    policy::relayers::DirectSettings settings;
    settings.file = r.file;
    settings.journal = r.journal;
    settings.window = r.window;
    settings.ipv6_keys = policy::relayers::ipv6_keys_of(r.ipv6_keys);
    return std::make_shared<policy::relayers::DirectStore>(settings);
}

policy::Result<policy::relay::Client> client_of(const Arguments& a)
{
    policy::relay::Client client;
    if (!a.client_addr.empty()) {
        const auto addr = policy::ClientAddr::parse(a.client_addr);
        if (!addr)
            return policy::fail(policy::Errc::usage,
                                "--client-addr: no address: " + a.client_addr);
        client.addr = *addr;
    }
    client.name = a.client_name;
    client.resolve =
        policy::relay::resolve_of(a.client_resolve)
            .value_or(a.client_name.empty() ? Resolve::fail : Resolve::ok);
    client.helo = a.helo;
    client.auth_authen = a.auth_user;
    if (!a.auth_user.empty())
        client.auth_type = a.auth_type.empty() ? "PLAIN" : a.auth_type;
    client.tls_verify = a.tls_verify;
    return client;
}

NameStatus sender_status(const std::string& word)
{
    return word == "PERM"   ? NameStatus::permanent
           : word == "TEMP" ? NameStatus::temporary
                            : NameStatus::ok;
}

std::string bracketed(const std::string& address)
{
    return address.substr(0, 1) == "<" ? address : "<" + address + ">";
}

/// Prints the answers; whether all recipients are accepted is the exit code.
int show(const Arguments& a, const std::vector<Answer>& answers)
{
    if (a.json)
        std::cout << answers_json(answers).dump(2) << '\n';
    else
        print_answers(answers, a.trace, std::cout);
    return std::all_of(answers.begin(), answers.end(), taken) ? EX_OK
                                                              : answer_is_no;
}

/// Who knows the way of accepted mail; nobody where there is no sendmail.cf.
policy::Result<std::optional<Router>> router(const Arguments& a,
                                             const std::string& mail_dir)
{
    const auto usual = mail_dir + "/sendmail.cf";
    if (a.sendmail_cf.empty() && !std::filesystem::exists(usual))
        return std::nullopt;
    const auto cf = policy::sendmail::Cf::read(
        a.sendmail_cf.empty() ? usual : a.sendmail_cf);
    if (!cf)
        return policy::fail(cf.error());
    return Router::make(*cf, policy::sendmail::this_host());
}

/// Asks about each recipient and prints the answers.
int answer(const Arguments& a, const policy::relay::Policy& policy,
           const policy::relay::Client& client, const std::string& mail_dir)
{
    const auto way = router(a, mail_dir);
    if (!way)
        return complain({way.error().text}, EX_NOINPUT);
    std::vector<Answer> answers;
    for (const auto& rcpt : a.rcpts) {
        auto& one = answers.emplace_back(Answer{
            bracketed(rcpt),
            ask_all(policy, client, bracketed(a.from), bracketed(rcpt))});
        if (*way && !is_refusal(one.dialogue.outcome().verdict))
            one.flow = (*way)->route(one.rcpt);
    }
    return show(a, answers);
}

std::string no_file(const std::string& path)
{
    return path + ": " + std::strerror(errno ? errno : EIO);
}

/// Fills what the command line leaves open.
policy::Status read_message(Arguments& a)
{
    if (a.message.empty())
        return {};
    errno = 0;
    std::ifstream in{a.message, std::ios::binary};
    if (!in || in.peek() == std::ifstream::traits_type::eof())
        return policy::fail(policy::Errc::io, no_file(a.message));
    const Trail trail = read_trail(in);
    if (a.client_addr.empty()) {
        a.client_addr = trail.client_addr;
        a.client_name = trail.client_name;
        a.client_resolve = trail.client_resolve;
        a.helo = trail.helo;
    }
    if (a.from.empty())
        a.from = trail.from;
    if (a.rcpts.empty() && !trail.rcpt.empty())
        a.rcpts.push_back(trail.rcpt);
    return {};
}

/// What was decided about a message that is gone.
int past(const Arguments& a)
{
    const auto loaded = load_config(a.common);
    if (!loaded.config)
        return complain(loaded.problems, EX_CONFIG);
    const auto& path = loaded.config->log.decisions;
    if (path.empty())
        return complain({"log.decisions is not set: nothing was kept"},
                        EX_CONFIG);
    errno = 0;
    std::ifstream in{path};
    if (!in)
        return complain({no_file(path)}, EX_NOINPUT);
    const auto answers = past_answers(in, a.queue_id);
    if (answers.empty())
        return complain({path + ": nothing about " + a.queue_id}, EX_NOINPUT);
    return show(a, answers);
}

int single(const Arguments& a)
{
    const auto loaded = load_config(a.common);
    if (!loaded.config)
        return complain(loaded.problems, EX_CONFIG);
    relay::Given given;
    given.store = [&] { return grants(*loaded.config); };
    given.unguarded = true;
    complain(relay::ignored_features(*loaded.config), EX_OK);
    const auto assembled = relay::assemble(loaded.config, given);
    if (!assembled.runtime)
        return complain(assembled.problems, EX_CONFIG);
    const auto client = client_of(a);
    if (!client)
        return complain({client.error().text}, EX_USAGE);
    auto world = assembled.runtime->world;
    world.trace = true;
    world.resolve = [status = sender_status(a.sender_resolve)](
                        std::string_view) { return status; };
    const auto policy = policy::relay::Policy::make(assembled.runtime->settings,
                                                    std::move(world));
    if (!policy)
        return complain({policy.error().text}, EX_CONFIG);
    return answer(a, **policy, *client, loaded.config->mail_dir);
}

}  // namespace

int explain(int argc, const char* const* argv)
{
    Arguments a;
    CLI::App app{
        "Tells what sendmail and relay-milter would do, at which "
        "stage, and why.",
        "postern explain"};
    add_options(app, a);
    if (const auto code = parse_arguments(app, argc, argv))
        return *code;
    if (a.batch)
        return run_batch(std::cin, std::cout);
    if (!a.queue_id.empty())
        return past(a);
    if (const auto read = read_message(a); !read)
        return complain({read.error().text}, EX_NOINPUT);
    if (a.from.empty())
        a.from = "<>";
    if (a.rcpts.empty()) {
        std::cerr << "postern explain: --rcpt is missing\n";
        return EX_USAGE;
    }
    return single(a);
}

}  // namespace milters::postern
