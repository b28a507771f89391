#include "policy/map/access_value.h"

#include <algorithm>

namespace policy::map {
namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/// Length of one to three digits at the start of `text`; 0 if there are none
/// or more.
std::size_t digits(std::string_view text)
{
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n]))
        ++n;
    return n <= 3 ? n : 0;
}

/// Length of an enhanced status code at the start of `text`; 0 if there is
/// none.
std::size_t enhanced_code(std::string_view text)
{
    constexpr std::string_view classes = "245";
    if (text.size() < 2 || classes.find(text[0]) == npos || text[1] != '.')
        return 0;
    const auto subject = digits(text.substr(2));
    const auto dot = 2 + subject;
    if (subject == 0 || dot >= text.size() || text[dot] != '.')
        return 0;
    const auto detail = digits(text.substr(dot + 1));
    return detail == 0 ? 0 : dot + 1 + detail;
}

bool has_reply_code(std::string_view text)
{
    constexpr std::string_view classes = "245";
    return text.size() > 3 && classes.find(text[0]) != npos &&
           is_digit(text[1]) && is_digit(text[2]) && text[3] == ' ';
}

/// Seven bits, as sendmail sends replies, and no control characters.
std::string printable(std::string_view text)
{
    std::string out{text};
    for (char& c : out) {
        c = static_cast<char>(static_cast<unsigned char>(c) & 0x7fU);
        if (c < ' ' || c == '\x7f')
            c = '?';
    }
    return out;
}

/// `<value> rest`, in which the text of a right-hand side is looked for.
class Workspace {
public:
    Workspace(TokenSpan value, TokenSpan rest, bool delimited, Memory* memory)
        : delimited_{delimited}, tokens_{memory}
    {
        tokens_.reserve(value.size() + rest.size() + 2);
        tokens_.push_back("<");
        tokens_.insert(tokens_.end(), value.begin(), value.end());
        tokens_.push_back(">");
        tokens_.insert(tokens_.end(), rest.begin(), rest.end());
    }

    bool starts_with(std::initializer_list<Token> words) const
    {
        return words.size() + 1 < tokens_.size() &&
               same(TokenSpan{tokens_}.subspan(1, words.size()),
                    TokenSpan{words.begin(), words.size()});
    }
    /// Tokens from `first` to the bracket that ends the value, one at least;
    /// empty if no bracket fits.
    TokenSpan text_from(std::size_t first) const
    {
        for (auto i = first + 1; i < tokens_.size(); ++i)
            if (tokens_[i] == ">" && (!delimited_ || (i + 1 < tokens_.size() &&
                                                      tokens_[i + 1] == "<")))
                return TokenSpan{tokens_}.subspan(first, i - first);
        return {};
    }
    /// Whether `ERROR:D.S.N:` starts the value.
    bool has_dsn() const
    {
        return tokens_.size() > 9 && tokens_[4] == "." && tokens_[6] == "." &&
               tokens_[8] == ":";
    }
    std::string dsn() const
    {
        return joined(TokenSpan{tokens_}.subspan(3, 5), '.');
    }

private:
    bool delimited_;
    Tokens tokens_;
};

Ruling error_with_tag(const Workspace& work)
{
    constexpr std::size_t after_tag = 3, after_dsn = 9;
    if (work.has_dsn() && !work.text_from(after_dsn).empty())
        return {Ruling::Kind::reply,
                error_reply(work.dsn(), work.text_from(after_dsn))};
    const auto text = work.text_from(after_tag);
    return {Ruling::Kind::reply,
            error_reply("", text.empty() ? work.text_from(1) : text)};
}

}  // namespace

Reply error_reply(std::string_view dsn, std::string_view text)
{
    if (!has_reply_code(text))
        return {553, "5.3.0", printable(text)};
    const int code =
        (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    text.remove_prefix(4);
    // sendmail knows a code by the blank behind it: one alone is the text
    if (const auto own = enhanced_code(text);
        own > 0 && text.substr(own, 1) == " ")
        return {code, std::string{text.substr(0, own)},
                printable(text.substr(own + 1))};
    const bool given = !dsn.empty() && enhanced_code(dsn) == dsn.size();
    const std::string fallback = std::to_string(code / 100) + ".0.0";
    return {code, given ? std::string{dsn} : fallback, printable(text)};
}

Reply error_reply(std::string_view dsn, TokenSpan text)
{
    return error_reply(dsn, without_quotes(joined(text)));
}

Ruling ruling_of(TokenSpan value, TokenSpan rest, bool delimited,
                 Memory* memory)
{
    if (value.size() == 1) {
        if (same(value[0], "OK") || same(value[0], "RELAY"))
            return {Ruling::Kind::accept};
        if (same(value[0], "REJECT"))
            return {Ruling::Kind::reject};
        if (same(value[0], "DISCARD"))
            return {Ruling::Kind::discard};
    }
    const Workspace work{value, rest, delimited, memory};
    if (work.starts_with({"QUARANTINE", ":"})) {
        const auto reason = work.text_from(3);
        if (!reason.empty())
            return {Ruling::Kind::quarantine, {250, "", joined(reason)}};
    }
    if (work.starts_with({"ERROR", ":"}))
        return error_with_tag(work);
    return {Ruling::Kind::reply, error_reply("", work.text_from(1))};
}

}  // namespace policy::map
