#include "policy/filter/header_edits.h"

#include <algorithm>
#include <map>

#include "policy/map/text.h"

namespace policy::filter {
namespace {

constexpr std::string_view blank = " \t\r\n";

struct HeaderField {
    std::string name, value;
    int index = 0;  ///< among those of its name, from 1
};

std::vector<HeaderField> fields_of(std::string_view header)
{
    std::vector<HeaderField> fields;
    std::map<std::string, int> seen;
    while (!header.empty()) {
        const std::size_t end = std::min(header.find('\n'), header.size() - 1);
        const std::string line{header.substr(0, end + 1)};
        header.remove_prefix(end + 1);
        const std::size_t colon = line.find(':');
        if ((line[0] == ' ' || line[0] == '\t') && !fields.empty()) {
            fields.back().value += line;
        } else if (colon != line.npos && line.find(' ') > colon) {
            const std::string name = line.substr(0, colon);
            fields.push_back(
                {name, line.substr(colon + 1), ++seen[map::folded(name)]});
        }
    }
    for (HeaderField& field : fields) {
        field.value.erase(field.value.find_last_not_of(blank) + 1);
        field.value.erase(0, field.value.find_first_not_of(" \t"));
    }
    return fields;
}

}  // namespace

std::vector<HeaderEdit> differences(const recipe::Message& before,
                                    const recipe::Message& after)
{
    const std::vector<HeaderField> fresh = fields_of(after.header());
    // Where each field of the new header is, those that come first last.
    std::map<std::pair<std::string_view, std::string_view>,
             std::vector<std::size_t>>
        places;
    for (std::size_t i = fresh.size(); i-- > 0;)
        places[{fresh[i].name, fresh[i].value}].push_back(i);
    std::vector<bool> kept(fresh.size());
    std::vector<HeaderEdit> edits;
    for (const HeaderField& old : fields_of(before.header())) {
        const auto same = places.find({old.name, old.value});
        if (same == places.end() || same->second.empty()) {
            edits.push_back(
                {HeaderEdit::Kind::remove, old.name, {}, old.index});
            continue;
        }
        kept[same->second.back()] = true;
        same->second.pop_back();
    }
    for (std::size_t i = 0; i < fresh.size(); ++i)
        if (!kept[i])
            edits.push_back(
                {HeaderEdit::Kind::add, fresh[i].name, fresh[i].value, 0});
    return edits;
}

}  // namespace policy::filter
