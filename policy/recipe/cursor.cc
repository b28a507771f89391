#include "policy/recipe/cursor.h"

#include <algorithm>

#include "policy/recipe/expand.h"

namespace policy::recipe {

bool Cursor::skip_blanks()
{
    const std::size_t start = pos_;
    while (peek() == ' ' || peek() == '\t')
        ++pos_;
    return pos_ > start;
}

void Cursor::skip_line()
{
    const std::size_t newline = text_.find('\n', pos_);
    advance((newline == text_.npos ? text_.size() : newline + 1) - pos_);
}

void Cursor::advance(std::size_t bytes)
{
    bytes = std::min(bytes, text_.size() - pos_);
    const std::string_view passed = text_.substr(pos_, bytes);
    line_ += static_cast<std::size_t>(
        std::count(passed.begin(), passed.end(), '\n'));
    pos_ += bytes;
}

std::string_view Cursor::joined_line()
{
    const std::size_t start = pos_;
    for (;;) {
        const std::size_t newline = text_.find('\n', pos_);
        if (newline == text_.npos) {
            advance(text_.size() - pos_);
            return since(start);
        }
        const bool joined = newline > pos_ && text_[newline - 1] == '\\';
        advance(newline + 1 - pos_);
        if (!joined)
            return text_.substr(start, newline - start);
    }
}

std::string_view Cursor::name(bool& ends_well)
{
    const std::size_t start = pos_;
    if (begins_name(peek()))
        while (in_name(peek()))
            ++pos_;
    const char c = peek();
    ends_well = pos_ > start && !at_end() &&
                (c == ' ' || c == '\t' || c == '\n' || c == '=');
    return since(start);
}

std::string unjoin(std::string_view text)
{
    enum class After { other, backslash, newline };
    std::string out;
    out.reserve(text.size());
    After after = After::other;
    for (const char c : text) {
        if (c == '\n') {
            if (after == After::backslash)
                out.pop_back();
            else
                out.push_back(c);
            after = After::newline;
            continue;
        }
        if (after == After::newline && (c == ' ' || c == '\t'))
            continue;
        out.push_back(c);
        after = c == '\\' ? After::backslash : After::other;
    }
    return out;
}

}  // namespace policy::recipe
