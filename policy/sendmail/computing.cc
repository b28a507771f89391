// Maps that need no file.
#include <charconv>

#include "policy/sendmail/lookups.h"

namespace policy::sendmail {
namespace {

std::optional<long> number(const std::string& text)
{
    long n = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, n);
    return error == std::errc{} && rest == end ? std::optional{n}
                                               : std::nullopt;
}

std::string truth(bool is)
{
    return is ? "TRUE" : "FALSE";
}

/// Whether a text without its quotes can stand as an address.
class Balance {
public:
    /// Takes one byte; false: one bracket too many is closed.
    bool take(char c)
    {
        if (c == '(')
            ++comments_;
        else if (c == ')')
            return comments_-- > 0;
        else if (c == '<' && comments_ == 0)
            ++angles_;
        else if (c == '>' && comments_ == 0)
            return angles_-- > 0;
        return true;
    }
    bool in_comment() const { return comments_ > 0; }
    bool even() const { return comments_ == 0 && angles_ == 0; }

private:
    int comments_ = 0;
    int angles_ = 0;
};

}  // namespace

std::optional<std::string> dequoted(std::string_view text, char blank)
{
    std::string out;
    Balance balance;
    int quotes = 0;
    bool escaped = false, spaced = false;
    for (char c : text) {
        if (!escaped && c == ' ' && blank != '\0')
            c = blank;
        if (escaped) {
            escaped = false;
        } else if (c == '\\') {
            escaped = true;
        } else if (c == '"' && !balance.in_comment()) {
            ++quotes;
            continue;
        } else {
            spaced = spaced || c == ' ' || c == '\t';
            if (!balance.take(c))
                return std::nullopt;
        }
        out += c;
    }
    const bool stands = balance.even() && !escaped && !spaced;
    return stands && quotes > 0 && quotes % 2 == 0 ? std::optional{out}
                                                   : std::nullopt;
}

std::optional<std::string> computed(std::string_view operation,
                                    const std::vector<std::string>& arguments)
{
    if (operation.size() != 1 || arguments.size() < 2)
        return std::nullopt;
    const auto a = number(arguments[0]), b = number(arguments[1]);
    if (!a || !b)
        return std::nullopt;
    const char sign = operation.front();
    if ((sign == '/' || sign == '%') && *b == 0)
        return std::nullopt;
    switch (sign) {
        case '+':
            return std::to_string(*a + *b);
        case '-':
            return std::to_string(*a - *b);
        case '*':
            return std::to_string(*a * *b);
        case '/':
            return std::to_string(*a / *b);
        case '%':
            return std::to_string(*a % *b);
        case '|':
            return std::to_string(*a | *b);
        case '&':
            return std::to_string(*a & *b);
        case 'l':
            return truth(*a < *b);
        case '=':
            return truth(*a == *b);
        default:
            return std::nullopt;
    }
}

}  // namespace policy::sendmail
