#include "milters/postern/message.h"

#include <cctype>
#include <istream>
#include <regex>
#include <string_view>

#include "policy/map/text.h"

namespace milters::postern {
namespace {

/// Longest Received field that is read: a regular expression walks over it.
constexpr std::size_t max_field = 2000;

/// What stands behind `name:` in a field, on one line; empty if it is another.
std::string value_of(const std::string& field, std::string_view name)
{
    if (field.size() <= name.size() || field[name.size()] != ':' ||
        policy::map::folded(field.substr(0, name.size())) != name)
        return {};
    const auto first = field.find_first_not_of(" \t", name.size() + 1);
    return first == field.npos ? "" : field.substr(first, max_field);
}

void take_received(const std::string& value, Trail& trail)
{
    static const std::regex from{
        R"(^from (\S+) \((?:\S+@)?(\S*?) ?\[([0-9a-fA-F:.IPv]+)\]( \(may be forged\))?)"};
    static const std::regex recipient{R"( for (<[^ ;]*>))"};
    std::smatch found;
    if (std::regex_search(value, found, recipient))
        trail.rcpt = found[1];
    if (!std::regex_search(value, found, from))
        return;
    trail.helo = found[1];
    trail.client_name = found[2];
    trail.client_addr = found[3];
    trail.client_resolve = found[2].length() == 0 ? "FAIL"
                           : found[4].matched     ? "FORGED"
                                                  : "OK";
}

void take_field(const std::string& field, bool& received, Trail& trail)
{
    if (const auto path = value_of(field, "return-path"); !path.empty())
        trail.from = path;
    const auto value = value_of(field, "received");
    if (value.empty() || received)
        return;
    received = true;
    take_received(value, trail);
}

bool is_blank(char c)
{
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

Trail read_trail(std::istream& message)
{
    Trail trail;
    bool received = false;
    std::string field;
    for (std::string line; std::getline(message, line);) {
        while (!line.empty() && is_blank(line.back()))
            line.pop_back();
        if (line.empty())
            break;
        if (is_blank(line.front())) {
            field += ' ' + line.substr(line.find_first_not_of(" \t"));
            continue;
        }
        take_field(field, received, trail);
        field = line;
    }
    take_field(field, received, trail);
    return trail;
}

}  // namespace milters::postern
