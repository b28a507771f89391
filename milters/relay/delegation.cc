#include "milters/relay/delegation.h"

#include <algorithm>

#include "milters/relay/facts.h"

namespace milters::relay {
namespace {

using policy::ClientAddr;
using policy::Decision;
using policy::Verdict;
using policy::relay::Client;

const std::string failure =
    "DEFER_IF_PERMIT 4.3.0 Temporary system failure. Please try again later.";

const std::string& attribute(const Attributes& request, const char* name)
{
    static const std::string none;
    const auto found = request.find(name);
    return found == request.end() ? none : found->second;
}

std::string known_name(const std::string& name)
{
    return name == "unknown" ? "" : name;
}

Client client_of(const Attributes& request)
{
    Client client;
    client.addr = ClientAddr::parse(attribute(request, "client_address"))
                      .value_or(ClientAddr::v4({0, 0, 0, 0}));
    const auto name = known_name(attribute(request, "client_name"));
    const auto ptr = known_name(attribute(request, "reverse_client_name"));
    client.name = name.empty() ? ptr : name;
    client.resolve = resolve_by_names(name, ptr);
    client.helo = attribute(request, "helo_name");
    client.auth_type = attribute(request, "sasl_method");
    client.auth_authen = attribute(request, "sasl_username");
    // Postfix names the subject of verified certificates only.
    client.cert_subject = attribute(request, "ccert_subject");
    client.cert_issuer = attribute(request, "ccert_issuer");
    client.tls_verify = client.cert_subject.empty() ? "" : "OK";
    return client;
}

std::string path(const Attributes& request, const char* name)
{
    return "<" + attribute(request, name) + ">";
}

/// The first of the checks up to this state that has something against it.
Decision judged(const policy::relay::Policy& policy, const Client& client,
                const Attributes& request, const std::string& state)
{
    const auto from = path(request, "sender");
    Decision decision = policy.connect(client);
    if (decision.verdict == Verdict::accept && state != "CONNECT")
        decision = policy.mail(client, from);
    if (decision.verdict == Verdict::accept && state == "RCPT")
        decision = policy.rcpt(client, from, path(request, "recipient"));
    return decision;
}

std::string action_of(const Decision& decision)
{
    const auto& reply = decision.reply;
    const auto text = policy::printable(reply.text);
    switch (decision.verdict) {
        case Verdict::accept:
            return is_relayed(decision) ? "OK" : "DUNNO";
        case Verdict::discard:
            return "DISCARD " + text;
        case Verdict::quarantine:
            return "HOLD " + text;
        case Verdict::reject:
        case Verdict::tempfail:
            break;
    }
    if (reply.code < 400 || reply.code > 599)
        return failure;
    return std::to_string(reply.code) + " " +
           (reply.enhanced.empty() ? "" : reply.enhanced + " ") + text;
}

void note(const Runtime& runtime, const Client& client,
          const Attributes& request, const Decision& decision)
{
    using Level = policy::Log::Level;
    const auto level =
        decision.verdict != Verdict::accept || is_relayed(decision)
            ? Level::info
            : Level::debug;
    if (!runtime.log->wants(level))
        return;
    const auto queue_id = policy::printable(attribute(request, "queue_id"));
    policy::Fields line;
    line.say("relay: policy:") << decision;
    line.add("client", client.addr.text())
        .add_if("name", client.name)
        .add_if("auth", client.auth_authen)
        .add("from", path(request, "sender"))
        .add("to", path(request, "recipient"));
    runtime.log->line(level, queue_id.empty() ? "NOQUEUE" : queue_id,
                      line.text());
}

}  // namespace

net::Frame take_attributes(std::string_view input)
{
    const auto end = input.find("\n\n");
    if (input.starts_with("\n"))
        return {net::Frame::Kind::request, 1, ""};
    if (end == std::string_view::npos)
        return {};
    return {net::Frame::Kind::request, end + 2,
            std::string(input.substr(0, end + 1))};
}

Attributes attributes_of(std::string_view request)
{
    Attributes out;
    while (!request.empty()) {
        const auto end = std::min(request.find('\n'), request.size());
        const auto line = request.substr(0, end);
        request.remove_prefix(std::min(end + 1, request.size()));
        const auto equals = line.find('=');
        if (equals != std::string_view::npos)
            out.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    return out;
}

std::string policy_action(const Runtime& runtime, const Attributes& request)
{
    if (attribute(request, "request") != "smtpd_access_policy")
        return failure;
    const auto& state = attribute(request, "protocol_state");
    if (state != "CONNECT" && state != "MAIL" && state != "RCPT")
        return "DUNNO";
    const auto client = client_of(request);
    const auto decision = judged(*runtime.policy, client, request, state);
    note(runtime, client, request, decision);
    return runtime.test_mode ? "DUNNO" : action_of(decision);
}

net::Protocol delegation_protocol(
    std::function<std::shared_ptr<const Runtime>()> runtime)
{
    net::Protocol protocol;
    protocol.max_request = max_policy_request;
    protocol.frame = take_attributes;
    protocol.answer = [runtime](const std::string& request) {
        return "action=" + policy_action(*runtime(), attributes_of(request)) +
               "\n\n";
    };
    protocol.late = "action=" + failure + "\n\n";
    protocol.bad = protocol.late;
    return protocol;
}

}  // namespace milters::relay
