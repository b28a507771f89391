#include "milters/virus/header.h"

#include "policy/scan/database.h"
#include "policy/version.h"

namespace milters::virus {
namespace {

using policy::scan::day_of;

/// Lines as mail has them, the last one, too.
std::string with_crlf(const std::string& text)
{
    std::string out;
    for (const char c : text)
        out += c == '\n' ? std::string{"\r\n"} : std::string(1, c);
    return out.ends_with('\n') ? out : out + "\r\n";
}

}  // namespace

std::string scanned_value(const policy::scan::EngineInfo& engine,
                          const std::string& host)
{
    if (engine.name.empty())
        return "no at " + host;
    std::string out = engine.name + " " + engine.version;
    if (engine.base)
        out += "/" + std::to_string(engine.base);
    if (engine.signatures || engine.base_time) {
        out += " (";
        if (engine.signatures)
            out += std::to_string(engine.signatures) + " signatures";
        if (engine.base_time)
            out += (engine.signatures ? " of " : "") + day_of(engine.base_time);
        out += ")";
    }
    return out + " at " + host;
}

std::string anti_virus_value(const policy::scan::EngineInfo& engine,
                             const std::string& status, policy::Seconds now)
{
    const std::string word = status.substr(0, status.find(' '));
    return std::string{"Postern virus-milter "} + policy::version +
           ", bases: " + day_of(engine.base_time, "%Y%m%d") + " #" +
           std::to_string(engine.signatures) +
           ", check: " + day_of(now.time_since_epoch().count(), "%Y%m%d") +
           " " + (word == "not" ? "not_checked" : word);
}

std::string tagged_subject(const std::string& status,
                           const std::string& subject)
{
    return "[" + status + "] " + subject;
}

std::string notice(const std::string& text, const std::string& status)
{
    std::string out = text;
    if (const auto place = out.find("%s"); place != std::string::npos)
        out.replace(place, 2, status);
    return with_crlf(out);
}

}  // namespace milters::virus
