// Maps in files of columns.
#include <algorithm>

#include "policy/sendmail/lookups.h"
#include "policy/sendmail/words.h"
#include "policy/tokens.h"

namespace policy::sendmail {
namespace {

/// Blanks part columns together, a delimiter each for itself.
std::optional<std::string_view> column(std::string_view line, std::size_t n,
                                       char delimiter)
{
    const std::string between =
        delimiter == '\0' ? blanks : std::string(1, delimiter);
    for (;; --n) {
        if (delimiter == '\0')
            line.remove_prefix(
                std::min(line.find_first_not_of(between), line.size()));
        const auto end = std::min(line.find_first_of(between), line.size());
        if (n == 0)
            return line.empty() && delimiter == '\0'
                       ? std::nullopt
                       : std::optional{line.substr(0, end)};
        if (end == line.size())
            return std::nullopt;
        line.remove_prefix(end + 1);
    }
}

}  // namespace

std::optional<std::string> in_columns(std::string_view text,
                                      std::string_view key,
                                      std::size_t key_column,
                                      std::size_t value_column, char delimiter)
{
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto name = column(line, key_column, delimiter);
        if (line.starts_with('#') || !name || !same(*name, key))
            continue;
        const auto value = column(line, value_column, delimiter);
        return value ? std::optional{std::string{*value}} : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace policy::sendmail
