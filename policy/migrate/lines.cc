// What the readers share: lines, and tables of rules.
#include <algorithm>

#include "policy/migrate/migrate.h"
#include "policy/sendmail/words.h"

namespace policy::migrate {
namespace {

using sendmail::lower;
using sendmail::trimmed;

/// Calls `visit(number, line)` for each line that says something.
void each_line(const std::string& text, const auto& visit)
{
    std::string_view rest{text};
    for (int number = 1; !rest.empty(); ++number) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = trimmed(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (!line.empty() && line.front() != '#' && line.front() != ';')
            visit(number, line);
    }
}

}  // namespace

std::vector<Line> ini_lines(const Source& source)
{
    std::vector<Line> all;
    std::string section;
    each_line(source.text, [&](int number, std::string_view line) {
        if (line.front() == '[') {
            section = lower(line.substr(1, line.find(']') - 1));
            return;
        }
        const auto equals = std::min(line.find('='), line.size());
        const auto value = line.substr(std::min(equals + 1, line.size()));
        all.push_back({source.path, number, section,
                       std::string{trimmed(line.substr(0, equals))},
                       std::string{trimmed(value)}});
    });
    return all;
}

std::vector<Line> word_lines(const Source& source)
{
    std::vector<Line> all;
    each_line(source.text, [&](int number, std::string_view line) {
        const auto blank = std::min(line.find_first_of(" \t"), line.size());
        all.push_back({source.path, number, "",
                       std::string{line.substr(0, blank)},
                       std::string{trimmed(line.substr(blank))}});
    });
    return all;
}

void apply(const Line& line, const std::vector<Rule>& rules, Draft& draft)
{
    const auto key = lower(line.key);
    for (const auto& rule : rules) {
        if ((!rule.section.empty() && rule.section != line.section) ||
            (!rule.key.empty() && lower(rule.key) != key))
            continue;
        if (rule.carry)
            rule.carry(line, draft);
        else if (!rule.why.empty())
            draft.leave(line, std::string{rule.why});
        return;
    }
    draft.leave(line, "unknown here");
}

bool is_yes(const std::string& value)
{
    const auto word = lower(value);
    return word == "yes" || word == "true" || word == "1" || word == "on";
}

}  // namespace policy::migrate
