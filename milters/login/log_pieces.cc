#include "milters/login/log_pieces.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace milters::login {
namespace {

constexpr std::size_t max_optional = 6;

struct Name {
    std::string_view name;
    Kind kind;
};
constexpr Name names[] = {
    {"stamp", Kind::stamp},   {"host", Kind::host},
    {"pid", Kind::pid},       {"service", Kind::service},
    {"user", Kind::user},     {"ip", Kind::ip},
    {"ip4", Kind::ip4},       {"name", Kind::name},
    {"word", Kind::word},     {"digits", Kind::digits},
    {"label", Kind::label},   {"more", Kind::more},
    {"path", Kind::path},     {"json", Kind::json},
    {"method", Kind::method},
};
constexpr std::string_view syslog_head = "{stamp} {?<{word}> }{host} ";

bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

bool is_one_of(char c, std::string_view set)
{
    return set.find(c) != set.npos;
}

auto wrong(std::string text)
{
    return policy::fail(policy::Errc::parse, std::move(text));
}

void append(std::vector<Piece>& pieces, Piece piece)
{
    const bool joins = piece.kind == Kind::literal && !pieces.empty() &&
                       pieces.back().kind == Kind::literal;
    if (joins)
        pieces.back().words.front() += piece.words.front();
    else
        pieces.push_back(std::move(piece));
}

Piece alternatives(std::string_view text)
{
    Piece piece{Kind::one_of, {}, {}};
    while (true) {
        const auto bar = text.find('|');
        piece.words.emplace_back(text.substr(0, bar));
        if (bar == text.npos)
            break;
        text.remove_prefix(bar + 1);
    }
    std::sort(piece.words.begin(), piece.words.end(),
              [](const auto& a, const auto& b) { return a.size() > b.size(); });
    return piece;
}

policy::Result<Piece> field(std::string_view text)
{
    if (const auto kind = kind_of(text))
        return Piece{*kind, {}, {}};
    if (text.find('|') == text.npos)
        return wrong("unknown field {" + std::string{text} + "}");
    Piece piece = alternatives(text);
    if (piece.words.back().empty())
        return wrong("empty word in {" + std::string{text} + "}");
    return piece;
}

/// Where the brace ends whose inside begins at `begin`.
std::size_t closing(std::string_view text, std::size_t begin)
{
    int depth = 1;
    for (std::size_t i = begin; i < text.size(); ++i) {
        if (text[i] == '{')
            ++depth;
        else if (text[i] == '}' && --depth == 0)
            return i;
    }
    return text.npos;
}

/// The piece that begins with the brace before `at`; moves `at` behind it.
policy::Result<std::vector<Piece>> braced(std::string_view text,
                                          std::size_t& at)
{
    const auto end = closing(text, at);
    if (end == text.npos)
        return wrong("a brace is not closed");
    const auto inside = text.substr(at, end - at);
    at = end + 1;
    if (inside == "syslog")
        return cut(syslog_head);
    if (inside.starts_with('?')) {
        auto inner = cut(inside.substr(1));
        if (!inner)
            return inner;
        return std::vector<Piece>{{Kind::optional, {}, std::move(*inner)}};
    }
    auto piece = field(inside);
    if (!piece)
        return policy::fail(piece.error());
    return std::vector<Piece>{std::move(*piece)};
}

std::size_t count_optional(const std::vector<Piece>& pieces)
{
    std::size_t n = 0;
    for (const Piece& p : pieces)
        if (p.kind == Kind::optional)
            n += 1 + count_optional(p.inner);
    return n;
}

using Flat = std::vector<Piece>;

/// Every list without optional pieces that `pieces` stands for.
std::vector<Flat> expand(const std::vector<Piece>& pieces)
{
    std::vector<Flat> lists{{}};
    for (const Piece& piece : pieces) {
        std::vector<Flat> parts;
        if (piece.kind == Kind::optional) {
            parts = expand(piece.inner);
            parts.emplace_back();
        } else {
            parts.push_back({piece});
        }
        std::vector<Flat> longer;
        for (const Flat& list : lists)
            for (const Flat& part : parts) {
                Flat joined = list;
                for (const Piece& p : part)
                    append(joined, p);
                longer.push_back(std::move(joined));
            }
        lists = std::move(longer);
    }
    return lists;
}

bool touches(Kind greedy, const Piece& neighbour, bool after)
{
    if (neighbour.words.empty())
        return true;
    return std::any_of(neighbour.words.begin(), neighbour.words.end(),
                       [&](const std::string& w) {
                           return holds(greedy, after ? w.front() : w.back());
                       });
}

/// Fields left of {user} are read forward: what follows must stop them.
std::optional<std::string> check_left(const Flat& left, bool has_user)
{
    if (left.empty() || left.front().kind != Kind::stamp)
        return "it must begin with {stamp} or {syslog}";
    for (std::size_t i = 0; i < left.size(); ++i) {
        const Kind kind = left[i].kind;
        const bool last = i + 1 == left.size();
        if (kind == Kind::more || (kind == Kind::stamp && i > 0) ||
            (kind == Kind::json && !last))
            return "{stamp}, {more} or {json} at a wrong place";
        if (is_greedy(kind) &&
            (last ? has_user : touches(kind, left[i + 1], true)))
            return "a field runs into what follows it";
    }
    return std::nullopt;
}

/// Fields right of {user} are read backward: what precedes must stop them.
std::optional<std::string> check_right(const Flat& right)
{
    std::size_t open = 0;
    for (std::size_t i = 0; i < right.size(); ++i) {
        const Kind kind = right[i].kind;
        if (i == 0 && kind != Kind::literal && kind != Kind::more)
            return "{user} must be followed by text";
        if (kind == Kind::user || kind == Kind::stamp || kind == Kind::json)
            return "{user}, {stamp} or {json} at a wrong place";
        if (is_greedy(kind) && touches(kind, right[i - 1], false))
            return "a field runs into what precedes it";
        open += kind == Kind::more;
    }
    return open > 1 ? std::optional<std::string>{"{more} twice"} : std::nullopt;
}

policy::Result<Variant> variant(Flat list)
{
    Variant v;
    const auto user =
        std::find_if(list.begin(), list.end(),
                     [](const Piece& p) { return p.kind == Kind::user; });
    v.left.assign(list.begin(), user);
    v.has_user = user != list.end();
    if (v.has_user)
        v.right.assign(user + 1, list.end());
    if (const auto problem = check_left(v.left, v.has_user))
        return wrong(*problem);
    if (const auto problem = check_right(v.right))
        return wrong(*problem);
    return v;
}

}  // namespace

std::optional<Kind> kind_of(std::string_view name)
{
    for (const Name& n : names)
        if (n.name == name)
            return n.kind;
    return std::nullopt;
}

bool holds(Kind kind, char c)
{
    switch (kind) {
        case Kind::pid:
        case Kind::digits:
            return c >= '0' && c <= '9';
        case Kind::ip4:
            return (c >= '0' && c <= '9') || c == '.';
        case Kind::ip:
            return is_one_of(c, "0123456789abcdefABCDEF:.");
        case Kind::host:
            return c > ' ' && c < 0x7f;
        case Kind::path:
            return static_cast<unsigned char>(c) > ' ' && c != 0x7f;
        case Kind::service:
            return is_alnum(c) || c == '-';
        case Kind::name:
            return is_alnum(c) || is_one_of(c, "._-");
        case Kind::label:
            return is_alnum(c) || is_one_of(c, " ._-");
        case Kind::word:
        case Kind::method:
            return is_alnum(c) || is_one_of(c, "._+/:@-");
        default:
            return false;
    }
}

bool is_greedy(Kind kind)
{
    return holds(kind, '1');
}

bool in_element(char c)
{
    return is_alnum(c) || is_one_of(c, "._+/:@=-<>[]");
}

policy::Result<std::vector<Piece>> cut(std::string_view pattern)
{
    std::vector<Piece> pieces;
    std::size_t at = 0;
    while (at < pattern.size()) {
        const char c = pattern[at++];
        const bool doubled = at < pattern.size() && pattern[at] == c;
        if (c != '{' || doubled) {
            at += c == '{' ? 1U : 0U;
            append(pieces, {Kind::literal, {std::string(1, c)}, {}});
            continue;
        }
        auto inside = braced(pattern, at);
        if (!inside)
            return inside;
        for (Piece& p : *inside)
            append(pieces, std::move(p));
    }
    return pieces;
}

policy::Result<std::vector<Variant>> variants(const std::vector<Piece>& pieces)
{
    if (count_optional(pieces) > max_optional)
        return wrong("too many optional parts");
    std::vector<Variant> all;
    for (Flat& list : expand(pieces)) {
        auto v = variant(std::move(list));
        if (!v)
            return policy::fail(v.error());
        all.push_back(std::move(*v));
    }
    return all;
}

}  // namespace milters::login
