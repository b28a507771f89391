// Text cut into tokens as sendmail cuts it before its rulesets see it: the
// operators of OperatorChars are tokens of their own, a quoted string is one
// token, white space and (comments) vanish.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace policy {

/// One token: a view of bytes that live in the Memory it was made with, or
/// for as long as the program.
using Token = std::string_view;

/// Where the tokens of one decision live: usually a buffer on the stack, so
/// that a decision costs no allocation.  Not for use by two threads.
using Memory = std::pmr::memory_resource;

/// Tokens in order.  Copies must name their Memory.
using Tokens = std::pmr::vector<Token>;
using TokenSpan = std::span<const Token>;

/// Cuts `text`.  What is unbalanced is mended: a quote, comment or `<` that
/// stays open is closed at the end, a `)` or `>` too many is dropped, a `\`
/// at the very end too.  Source: sendmail parseaddr.c, its comments on
/// address tokens.
Tokens tokenise(std::string_view text, Memory* memory);

/// Copies that live as long as `memory`; of tokens, not of their bytes.
std::string_view kept(std::string_view text, Memory* memory);
TokenSpan kept(const Tokens& tokens, Memory* memory);

/// Whether two texts are equal but for the case of ASCII letters.
bool same(std::string_view a, std::string_view b);
bool same(TokenSpan a, TokenSpan b);

/// Whether the token is a word, not an operator, bracket or quoted string.
bool is_atom(Token token);

bool ends_with(TokenSpan tokens, TokenSpan end);
inline bool ends_with(TokenSpan tokens, std::initializer_list<Token> end)
{
    return ends_with(tokens, TokenSpan{end.begin(), end.size()});
}

/// Index of the first token equal to `token` at or after `from`; npos if
/// there is none.
std::size_t find(TokenSpan tokens, Token token, std::size_t from = 0);
inline constexpr std::size_t npos = std::string_view::npos;

/// Index of the first of two neighbours, both operators; npos if they are
/// nowhere.
std::size_t find_pair(TokenSpan tokens, Token a, Token b, std::size_t from = 0);

/// Writes tokens back as one text with `blank` between two atoms and nothing
/// else between tokens.
std::string joined(TokenSpan tokens, char blank = ' ');

/// `text` without its quotes; a `\` is dropped and the byte behind it kept.
std::string without_quotes(std::string_view text);

/// ASCII upper case to lower case.
constexpr char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Tokens written back as one text that remembers where each token is.
class Phrase {
public:
    /// Case is folded if `lower`.
    /// @param room  bytes to leave in front, for a caller that writes there
    Phrase(TokenSpan tokens, char blank, bool lower, Memory* memory,
           std::size_t room = 0);

    std::size_t size() const { return places_.size() - 1; }
    /// The text of tokens [first, end).
    std::string_view slice(std::size_t first, std::size_t end) const
    {
        if (first >= end)
            return {};
        const char* const start = places_[first].start;
        return {start, static_cast<std::size_t>(places_[end - 1].end - start)};
    }
    std::string_view from(std::size_t first) const
    {
        return slice(first, size());
    }
    std::string_view all() const { return slice(0, size()); }

    /// Where token `i` starts, or for size() the text ends; what is in front
    /// may be overwritten as far as `room` goes.
    char* start(std::size_t i) { return places_[i].start; }

private:
    struct Place {
        char* start;
        char* end;  ///< before the blank that may follow
    };
    std::span<Place> places_;  ///< of each token, and of the end
};

}  // namespace policy
