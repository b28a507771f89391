#include "milters/control/protocol.h"

#include <sysexits.h>

#include <utility>

#include "policy/relayers/grant_text.h"
#include "policy/relayers/width.h"

namespace milters::control {

using policy::Errc;
using policy::fail;
using policy::relayers::Grant;

int exit_code(Errc code)
{
    switch (code) {
        case Errc::usage:
            return EX_USAGE;
        case Errc::parse:
        case Errc::format:
            return EX_DATAERR;
        case Errc::timeout:
            return EX_TEMPFAIL;
        case Errc::denied:
            return EX_NOPERM;
        case Errc::io:
        case Errc::gone:
            break;
    }
    return EX_CANTCREAT;
}

Json failure(const policy::Error& error)
{
    return failure(exit_code(error.code), error.text);
}

Json failure(int exit, std::string text)
{
    return {{"ok", false}, {"exit", exit}, {"error", std::move(text)}};
}

std::string line_of(const Json& json)
{
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string entries_text(const std::vector<Grant>& grants)
{
    std::string text;
    for (const auto& grant : grants)
        if (const auto value = policy::relayers::value_of(grant))
            text +=
                policy::relayers::key_of(grant.network) + "\t" + *value + "\n";
    return text;
}

policy::Result<std::vector<Grant>> parse_entries(std::string_view text,
                                                 const std::string& name)
{
    std::vector<Grant> grants;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.empty() || line.front() == '#')
            continue;
        const auto place = name + ":" + std::to_string(number) + ": ";
        const auto key = line.substr(0, line.find_first_of(" \t"));
        const auto network = parse_target(key);
        if (!network)
            return fail(Errc::parse, place + network.error().text);
        auto grant = policy::relayers::grant_of(key, line.substr(key.size()));
        if (!grant)
            return fail(Errc::parse, place + "no time behind the address");
        grants.push_back(std::move(*grant));
    }
    return grants;
}

policy::Result<policy::Network> parse_target(std::string_view text)
{
    const std::string quoted{text};
    const auto network = policy::Network::parse(text);
    if (!network)
        return fail(Errc::parse,
                    quoted + ": not an address or network" +
                        (text.find('/') == text.npos
                             ? ""
                             : " (or bits are set behind the prefix)"));
    return *network;
}

policy::Result<policy::Network> parse_grantee(std::string_view text)
{
    const auto network = parse_target(text);
    if (network && policy::relayers::too_wide(*network))
        return fail(Errc::parse,
                    std::string{text} +
                        (network->bits() == 0
                             ? ": would open the relay to everybody"
                             : ": too wide, would open the relay to most"));
    return network;
}

}  // namespace milters::control
