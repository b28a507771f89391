#include "milters/relay/facts.h"

#include <strings.h>

#include <charconv>

namespace milters::relay {
namespace {

using policy::ClientAddr;
using policy::relay::Client;
using policy::relay::Resolve;

std::string text(milter::Context& mta, const char* macro)
{
    return std::string(mta.macro(macro).value_or(""));
}

unsigned number(milter::Context& mta, const char* macro)
{
    unsigned n = 0;
    const auto value = mta.macro(macro).value_or("");
    std::from_chars(value.data(), value.data() + value.size(), n);
    return n;
}

bool is_word(std::string_view text, const char* word)
{
    return strcasecmp(std::string(text).c_str(), word) == 0;
}

/// A host name; empty for `[192.0.2.1]`, `unknown` and what has no letters.
std::string real_name(std::string_view name)
{
    if (name.empty() || name.front() == '[' || is_word(name, "unknown"))
        return {};
    return std::string(name);
}

ClientAddr address(milter::Context& mta, const milter::Peer& peer)
{
    const auto macro = mta.macro("client_addr").value_or("");
    if (auto addr = ClientAddr::parse(macro))
        return *addr;
    if (peer.addr.kind() != ClientAddr::Kind::none)
        return peer.addr;
    const auto name = mta.macro("client_name").value_or(peer.name);
    if (is_word(name, "localhost"))
        return {};
    return ClientAddr::v4({0, 0, 0, 0});
}

}  // namespace

Resolve resolve_by_names(const std::string& name, const std::string& ptr)
{
    if (!name.empty())
        return Resolve::ok;
    return ptr.empty() ? Resolve::fail : Resolve::forged;
}

Client client_at_connect(milter::Context& mta, const milter::Peer& peer)
{
    Client client;
    client.addr = address(mta, peer);
    const auto name = real_name(mta.macro("client_name").value_or(peer.name));
    const auto ptr = real_name(mta.macro("client_ptr").value_or(""));
    client.name = ptr.empty() ? name : ptr;
    client.resolve = policy::relay::resolve_of(text(mta, "client_resolve"))
                         .value_or(resolve_by_names(name, ptr));
    client.rate = number(mta, "client_rate");
    client.connections = number(mta, "client_connections");
    return client;
}

void add_tls(Client& client, milter::Context& mta)
{
    client.tls_verify = text(mta, "verify");
    client.cert_issuer = text(mta, "cert_issuer");
    client.cert_subject = text(mta, "cert_subject");
}

void add_auth(Client& client, milter::Context& mta)
{
    client.auth_type = text(mta, "auth_type");
    client.auth_authen = text(mta, "auth_authen");
}

std::string_view path_of(std::string_view argument)
{
    bool quoted = false;
    int brackets = 0;
    for (std::size_t i = 0; i < argument.size(); ++i) {
        const char c = argument[i];
        if (c == '\\')
            ++i;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '<')
            ++brackets;
        else if (!quoted && c == '>')
            --brackets;
        else if (!quoted && brackets <= 0 && c == ' ')
            return argument.substr(0, i);
    }
    return argument;
}

bool is_relayed(const policy::Decision& decision)
{
    return decision.relay && decision.why.rule != "local-host-names" &&
           decision.why.rule != "local user";
}

}  // namespace milters::relay
