#include "milters/postern/case.h"

#include <sstream>
#include <stdexcept>

#include "milters/postern/latin1.h"
#include "policy/map/class_file.h"
#include "policy/map/text.h"

namespace milters::postern {
namespace {

using nlohmann::json;
using policy::relay::NameStatus;
using policy::relay::Resolve;

// The host that a case is about; its hosts file knows it and localhost.
constexpr const char* host = "mx.example.org";
constexpr std::string_view host_domain = "example.org";

const json& member(const json& object, const char* name)
{
    static const json nothing = json::object();
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nothing : *found;
}

std::vector<std::string> list_at(const json& object, const char* name)
{
    std::vector<std::string> out;
    for (const auto& word : member(object, name))
        out.push_back(to_bytes(word.get_ref<const std::string&>()));
    return out;
}

/// The words of a class file that has these lines.
std::vector<std::string> class_at(const json& object, const char* name)
{
    std::string text;
    for (const auto& line : list_at(object, name))
        text += line + "\n";
    return policy::map::parse_class(text, policy::map::ClassFormat::first_word);
}

unsigned count_at(const json& object, const char* name)
{
    const auto found = object.find(name);
    return found == object.end() ? 1U : found->get<unsigned>();
}

std::string text_or_number(const json& object, const char* name)
{
    const auto found = object.find(name);
    return found != object.end() && found->is_number() ? found->dump()
                                                       : bytes_at(object, name);
}

std::shared_ptr<policy::map::Source> map_of(const std::string& text,
                                            const char* name)
{
    return policy::map::fixed(policy::map::read_text(text, name).table, name);
}

bool ends_with(std::string_view name, std::string_view suffix)
{
    return name.size() >= suffix.size() &&
           name.substr(name.size() - suffix.size()) == suffix;
}

Resolve resolve_of(const json& client)
{
    const auto word = bytes_at(
        client, "resolve", bytes_at(client, "name").empty() ? "FAIL" : "OK");
    if (const auto resolve = policy::relay::resolve_of(word))
        return *resolve;
    throw std::invalid_argument{"client.resolve is OK, FAIL, FORGED or TEMP"};
}

policy::ClientAddr address_of(const json& client)
{
    const auto text = bytes_at(client, "addr");
    if (text.empty() || text == "0")
        return {};
    const auto addr = policy::ClientAddr::parse(text);
    if (!addr)
        throw std::invalid_argument{"client.addr is no address: " + text};
    return *addr;
}

/// The address of `[addr]`, and of what may stand behind it.
std::optional<policy::ClientAddr> address_in(std::string_view literal)
{
    return policy::ClientAddr::parse(literal.substr(0, literal.find(']') + 1));
}

/// Whether the hosts file has the name: by itself or, as sendmail shortens
/// it, without a domain that is ours or the beginning of ours.
bool in_hosts_file(const std::string& name)
{
    if (name == "localhost" || name == host)
        return true;
    const auto dot = name.find('.');
    if (dot == name.npos || name.substr(0, dot) != "localhost")
        return false;
    const auto parent = std::string_view{name}.substr(dot + 1);
    return host_domain.substr(0, parent.size()) == parent &&
           (parent.size() == host_domain.size() ||
            host_domain[parent.size()] == '.');
}

}  // namespace

CaseDns::CaseDns(const json& one_case) : names_(json::object())
{
    for (const auto& [name, what] : member(one_case, "dns").items()) {
        const auto& word = what.get_ref<const std::string&>();
        if (word != "nx" && word != "temp")
            throw std::invalid_argument{"dns: " + name + " is nx or temp"};
        names_[policy::map::folded(name)] = word;
    }
    const auto& client = member(one_case, "client");
    const auto resolve = resolve_of(client);
    const auto name = bytes_at(client, "name");
    const bool named = !name.empty() && name.front() != '[';
    if (resolve == Resolve::fail || (resolve != Resolve::temp && !named))
        return;
    // the name is that of the address as the case has it, mapped or not
    const auto text = bytes_at(client, "addr");
    const auto addr = address_of(client).text();
    if (text.find(':') == text.npos || addr.find(':') != addr.npos)
        client_literal_ = addr;
    if (resolve != Resolve::temp)
        client_name_ = policy::map::folded(name);
}

bool CaseDns::is_client(std::string_view literal) const
{
    const auto addr = address_in(literal);
    return addr && addr->text() == client_literal_;
}

/// The name that a reverse lookup finds, the hosts file asked first; empty if
/// none.
std::string CaseDns::pointer(std::string_view literal) const
{
    const auto addr = address_in(literal);
    if (addr && (addr->text() == "::1" || addr->text() == "127.0.0.1"))
        return "localhost";
    return is_client(literal) ? client_name_ : "";
}

NameStatus CaseDns::status(std::string_view text) const
{
    if (text.substr(0, 1) == "[") {
        if (!pointer(text).empty())
            return NameStatus::ok;
        return is_client(text) ? NameStatus::temporary : NameStatus::permanent;
    }
    const auto name = policy::map::folded(text);
    if (in_hosts_file(name))
        return NameStatus::ok;
    if (name.find('.') == name.npos)
        return NameStatus::permanent;  // not asked for
    const auto said = names_.find(to_utf8(name));
    if ((said != names_.end() && *said == "temp") ||
        ends_with(name, ".tempfail"))
        return NameStatus::temporary;
    if (said != names_.end() || ends_with(name, ".invalid") ||
        ends_with(name, ".arpa"))
        return NameStatus::permanent;
    return NameStatus::ok;
}

std::string CaseDns::canonical(std::string_view text) const
{
    if (text.substr(0, 1) == "[")
        return pointer(text);
    if (status(text) != NameStatus::ok)
        return {};
    if (in_hosts_file(policy::map::folded(text)))
        return host;
    const auto dot = ends_with(text, ".") ? 1U : 0U;
    return std::string{text.substr(0, text.size() - dot)};
}

CaseConfig::CaseConfig(const json& config)
{
    if (!bytes_at(config, "extra_m4").empty())
        throw std::invalid_argument{"config.extra_m4 is not supported"};
    settings.domain = bytes_at(config, "domain", host);
    settings.host_domain = host_domain;
    for (auto& name : class_at(config, "local_host_names"))
        settings.local_host_names.insert(policy::map::folded(name));
    settings.local_host_names.insert(host);
    settings.relay_domains = class_at(config, "relay_domains");
    for (const auto& line : list_at(config, "trust_auth")) {
        std::istringstream words{line};
        for (std::string mechanism; words >> mechanism;)
            settings.trust_auth_mech.insert(mechanism);
    }
    if (config.contains("features"))
        for (auto& name : list_at(config, "features"))
            settings.features.insert(std::move(name));
    else
        settings.features.insert("access_db");
    access = map_of(bytes_at(config, "access"), "access");
    relayers = map_of(bytes_at(config, "relayers"), "relayers");
}

policy::relay::Client client_of(const json& one_case)
{
    const auto& client = member(one_case, "client");
    policy::relay::Client out;
    out.addr = address_of(client);
    out.name = bytes_at(client, "name");
    out.resolve = resolve_of(client);
    out.auth_authen = bytes_at(one_case, "auth");
    if (!out.auth_authen.empty())
        out.auth_type = "PLAIN";
    out.tls_verify = bytes_at(one_case, "verify");
    out.cert_issuer = bytes_at(one_case, "cert_issuer");
    out.cert_subject = bytes_at(one_case, "cert_subject");
    out.cn_subject = bytes_at(one_case, "cn_subject");
    out.cipher_bits = text_or_number(one_case, "cipher_bits");
    out.daemon_flags = bytes_at(one_case, "daemon_flags");
    out.rate = count_at(client, "rate");
    out.connections = count_at(client, "connections");
    return out;
}

}  // namespace milters::postern
