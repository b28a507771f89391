#include "policy/tokens.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace policy {
namespace {

enum class Kind : unsigned char { atom, op, quote, space, comment, escape };

/// Kind of each byte when it stands outside quotes and comments.
constexpr std::array<Kind, 256> make_kinds()
{
    std::array<Kind, 256> kinds{};  // atoms
    for (const char c : std::string_view{".:%@!^/[]+<>,;"})
        kinds[static_cast<unsigned char>(c)] = Kind::op;
    for (const char c : std::string_view{" \t\n\v\f\r"})
        kinds[static_cast<unsigned char>(c)] = Kind::space;
    kinds['('] = kinds[')'] = Kind::comment;
    kinds['"'] = Kind::quote;
    kinds['\\'] = Kind::escape;
    return kinds;
}
constexpr auto kinds = make_kinds();

Kind kind_of(char c)
{
    return kinds[static_cast<unsigned char>(c)];
}

/// Folds [text, end) eight bytes at a time; writes up to seven behind `end`.
void fold_words(char* text, const char* end)
{
    constexpr std::uint64_t ones = 0x0101010101010101U, high = ones * 0x80U;
    for (; text < end; text += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, text, sizeof word);
        // the top bit of each byte tells whether the others reach the letter
        const std::uint64_t low = word & ~high;
        const std::uint64_t from_a = low + ones * (0x80U - 'A');
        const std::uint64_t past_z = low + ones * (0x7fU - 'Z');
        word |= (from_a & ~past_z & ~word & high) >> 2U;
        std::memcpy(text, &word, sizeof word);
    }
}

/// Reads text once, writing the bytes of tokens into one buffer.
class Tokeniser {
public:
    Tokeniser(std::string_view text, Memory* memory)
        : text_{text}, tokens_{memory}
    {
        constexpr std::size_t mending = 3;  // an escaped byte and a quote
        const auto open = std::count(text.begin(), text.end(), '<');
        out_ = start_ = static_cast<char*>(memory->allocate(
            text.size() + static_cast<std::size_t>(open) + mending, 1));
        tokens_.reserve(std::min<std::size_t>(text.size() + 2, 32));
    }

    Tokens run() &&
    {
        while (at_ < text_.size())
            step(text_[at_++]);
        if (escape_at_end_ && (quoted_ || angles_ > 0) && comments_ == 0)
            escape(quoted_ ? '"' : '>');
        if (quoted_)
            in_quotes('"');
        for (; angles_ > 0; --angles_)
            single('>');
        end_token();
        return std::move(tokens_);
    }

private:
    void put(char c) { *out_++ = c; }
    void end_token()
    {
        if (out_ != start_)
            tokens_.emplace_back(start_,
                                 static_cast<std::size_t>(out_ - start_));
        start_ = out_;
    }
    void single(char c)
    {
        end_token();
        put(c);
        end_token();
    }
    void escape(char c)
    {
        put('\\');
        put(c);
    }

    void step(char c)
    {
        const Kind kind = kind_of(c);
        if (kind == Kind::escape)
            backslash();
        else if (quoted_)
            in_quotes(c);
        else if (kind == Kind::comment)
            c == '(' ? open_comment() : close_comment();
        else if (comments_ == 0)
            plain(c, kind);
    }

    /// `\x` is two bytes of the token, whatever x is; in a comment both
    /// vanish; `\!` is `!`, but for quotes.
    void backslash()
    {
        escape_at_end_ = at_ == text_.size();
        if (escape_at_end_)
            return;
        const char c = text_[at_];
        if (comments_ == 0 && c == '!' && !quoted_)
            return;
        ++at_;
        if (comments_ == 0)
            escape(c);
    }

    void in_quotes(char c)
    {
        put(c);
        quoted_ = c != '"';
        if (!quoted_)
            end_token();
    }

    void open_comment() { ++comments_; }
    void close_comment()
    {
        if (comments_ == 0)
            return;  // one too many: dropped
        --comments_;
        end_token();
    }

    void plain(char c, Kind kind)
    {
        if (kind == Kind::op)
            return bracket_or_operator(c);
        if (kind != Kind::atom)
            end_token();
        if (kind == Kind::space)
            return;
        put(c);
        quoted_ = kind == Kind::quote;
        while (!quoted_ && at_ < text_.size() &&
               kind_of(text_[at_]) == Kind::atom)
            put(text_[at_++]);
    }

    void bracket_or_operator(char c)
    {
        if (c == '>' && angles_ == 0)
            return;  // one too many: dropped
        angles_ += c == '<' ? 1 : c == '>' ? -1 : 0;
        single(c);
    }

    std::string_view text_;
    std::size_t at_ = 0;
    Tokens tokens_;
    char* start_ = nullptr;  ///< of the present token
    char* out_ = nullptr;
    bool quoted_ = false;
    bool escape_at_end_ = false;
    int comments_ = 0;
    int angles_ = 0;
};

}  // namespace

Tokens tokenise(std::string_view text, Memory* memory)
{
    return Tokeniser{text, memory}.run();
}

bool same(std::string_view a, std::string_view b)
{
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(),
                      [](char x, char y) { return fold(x) == fold(y); });
}

bool same(TokenSpan a, TokenSpan b)
{
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(),
                      [](Token x, Token y) { return same(x, y); });
}

bool is_atom(Token token)
{
    const Kind kind = kind_of(token.front());
    return kind == Kind::atom || kind == Kind::escape;
}

std::size_t find(TokenSpan tokens, Token token, std::size_t from)
{
    if (from >= tokens.size())
        return npos;
    const auto rest = tokens.subspan(from);
    // Nearly always an operator is looked for.
    const bool op = token.size() == 1 && !is_atom(token);
    const auto found =
        op ? std::find_if(rest.begin(), rest.end(),
                          [c = token.front()](Token t) {
                              return t.size() == 1 && t.front() == c;
                          })
           : std::find_if(rest.begin(), rest.end(),
                          [token](Token t) { return same(t, token); });
    return found == rest.end()
               ? npos
               : from + static_cast<std::size_t>(found - rest.begin());
}

bool ends_with(TokenSpan tokens, TokenSpan end)
{
    return tokens.size() >= end.size() && same(tokens.last(end.size()), end);
}

std::size_t find_pair(TokenSpan tokens, Token a, Token b, std::size_t from)
{
    for (auto i = find(tokens, a, from); i != npos; i = find(tokens, a, i + 1))
        if (i + 1 < tokens.size() && tokens[i + 1] == b)
            return i;
    return npos;
}

std::string_view kept(std::string_view text, Memory* memory)
{
    auto* const copy = static_cast<char*>(memory->allocate(text.size() + 1, 1));
    std::copy(text.begin(), text.end(), copy);
    return {copy, text.size()};
}

TokenSpan kept(const Tokens& tokens, Memory* memory)
{
    auto* const copy = static_cast<Token*>(
        memory->allocate((tokens.size() + 1) * sizeof(Token), alignof(Token)));
    std::uninitialized_copy(tokens.begin(), tokens.end(), copy);
    return {copy, tokens.size()};
}

std::string joined(TokenSpan tokens, char blank)
{
    std::string out;
    bool after_atom = false;
    for (const Token token : tokens) {
        if (after_atom && is_atom(token))
            out += blank;
        out += token;
        after_atom = is_atom(token);
    }
    return out;
}

std::string without_quotes(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size())
            out += text[++i];
        else if (text[i] != '"' && text[i] != '\\')
            out += text[i];
    }
    return out;
}

Phrase::Phrase(TokenSpan tokens, char blank, bool lower, Memory* memory,
               std::size_t room)
{
    std::size_t bytes = room + tokens.size() + sizeof(std::uint64_t);
    for (const Token token : tokens)
        bytes += token.size();
    const std::size_t places = (tokens.size() + 1) * sizeof(Place);
    auto* place =
        static_cast<Place*>(memory->allocate(places + bytes, alignof(Place)));
    places_ = {place, tokens.size() + 1};
    char* const text = reinterpret_cast<char*>(place + places_.size()) + room;
    char* out = text;
    bool after_atom = false;
    for (const Token token : tokens) {
        const bool atom = is_atom(token);
        if (after_atom && atom)
            *out++ = blank;
        place->start = out;
        for (const char c : token)
            *out++ = c;
        (place++)->end = out;
        after_atom = atom;
    }
    *place = {out, out};
    if (lower)
        fold_words(text, out);
}

}  // namespace policy
