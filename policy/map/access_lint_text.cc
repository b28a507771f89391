// Right-hand sides as sendmail cuts them into tokens.
#include "policy/map/access_lint_checks.h"

namespace policy::map::lint {
namespace {

using std::string_view;

/// Follows quotes, (comments) and <brackets>, a byte at a time.
class Reader {
public:
    /// @return whether `c` has no partner before it
    bool take(char c)
    {
        if (escaped_ || c == '\\')
            escaped_ = !escaped_;
        else if (quoted_ || (c == '"' && comments_ == 0))
            quoted_ = quoted_ != (c == '"');
        else if (c == '(' || c == ')')
            comments_ += c == '(' ? 1 : -1;
        else if (comments_ == 0 && (c == '<' || c == '>'))
            angles_ += c == '<' ? 1 : -1;
        return comments_ < 0 || angles_ < 0;
    }
    bool in_comment() const { return comments_ > 0; }
    /// What is open still; NUL: nothing.
    char open() const
    {
        return quoted_ ? '"' : comments_ > 0 ? '(' : angles_ > 0 ? '<' : '\0';
    }

private:
    bool escaped_ = false, quoted_ = false;
    int comments_ = 0, angles_ = 0;
};

}  // namespace

char unbalanced(string_view text)
{
    Reader reader;
    for (const char c : text)
        if (reader.take(c))
            return c;
    return reader.open();
}

std::string without_comments(string_view text)
{
    Reader reader;
    std::string out;
    for (const char c : text) {
        const bool before = reader.in_comment();
        reader.take(c);
        if (!before && !reader.in_comment())
            out += c;
    }
    return out;
}

}  // namespace policy::map::lint
