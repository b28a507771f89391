#include "policy/map/access.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace policy::map {
namespace {

constexpr std::size_t max_key = 256;  // sendmail's MAXNAME: longer is cut off

bool has_quoting(std::string_view text)
{
    return text.find('"') != text.npos || text.find('\\') != text.npos;
}

bool is_plain_word(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (fold(c) >= 'a' && fold(c) <= 'z') || (c >= '0' && c <= '9');
    });
}

std::string_view trimmed(std::string_view text)
{
    const auto blank = [](char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    };
    const auto first = std::find_if_not(text.begin(), text.end(), blank);
    const auto end = std::find_if_not(text.rbegin(),
                                      std::make_reverse_iterator(first), blank);
    return {first, end.base()};
}

/// `%0` is the key, `%1` to `%9` nothing, `%%` a percent sign.
std::string expanded(std::string_view text, std::string_view key)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const char next = i + 1 < text.size() ? text[i + 1] : '%';
        if (next == '0')
            out += key;
        else if (next == '%')
            out += '%';
        else if (next < '1' || next > '9')
            (out += '%') += next;
        ++i;
    }
    return out;
}

bool ends_in_tempfail(TokenSpan value)
{
    const auto n = value.size();
    return n >= 3 && value[n - 3] == "<" && same(value[n - 2], "TMPF") &&
           value[n - 1] == ">";
}

}  // namespace

std::string Found::full_key() const
{
    std::string out{tag};
    if (!tag.empty())
        out += ':';
    return out += key;
}

Tokens value_tokens(std::string_view text, std::string_view key, Memory* memory)
{
    const auto word = trimmed(text);
    if (!word.empty() && is_plain_word(word))
        return Tokens{{word}, memory};
    if (text.find('%') == text.npos)
        return tokenise(text, memory);
    return tokenise(expanded(text, key), memory);
}

/// A key as text, folded, with room for the tag in front of every token: so a
/// walk through the parents of a name copies nothing.
class Access::Key {
public:
    Key(Token tag, TokenSpan tokens, Memory* memory)
        : tag_{tag},
          tokens_{tokens},
          phrase_{tokens, ' ', true, memory, tag.size() + 1},
          quoted_{has_quoting(phrase_.all())}
    {
    }

    TokenSpan tokens() const { return tokens_; }
    Token tag() const { return tag_; }
    bool quoted() const { return quoted_; }

    /// The text of tokens [first, end).
    std::string_view bare(std::size_t first, std::size_t end) const
    {
        return phrase_.slice(first, end);
    }
    /// The same after the tag; what is in front of `first` is lost.
    std::string_view tagged(std::size_t first, std::size_t end)
    {
        char* const start = phrase_.start(first);
        char* const at = start - tag_.size() - 1;
        std::transform(tag_.begin(), tag_.end(), at, fold);
        start[-1] = ':';
        return {at, tag_.size() + 1 + phrase_.slice(first, end).size()};
    }

private:
    Token tag_;
    TokenSpan tokens_;
    Phrase phrase_;
    bool quoted_ = false;
};

bool Access::ask(std::string_view key, bool quoted, Found& found) const
{
    std::string plain;
    if (quoted)
        key = plain = without_quotes(key);
    key = key.substr(0, max_key);
    if (probes_)
        probes_->emplace_back(key);
    if (!snapshot_) {
        found.state = Found::State::failed;
        return true;
    }
    const auto text = snapshot_->find(key);
    if (!text)
        return false;
    found.state = Found::State::value;
    found.text = *text;
    return true;
}

/// One lookup: the key, cut shorter step by step, and what was found.
class Access::Walk {
public:
    Walk(const Access& access, TokenSpan key, Token tag, Mark mark)
        : access_{access}, mark_{mark}, key_{tag, key, access.memory_}
    {
    }

    Found domain();
    Found address();
    Found full_or_user(Lookup lookup);
    Found exact() { return ask(0, tokens().size()) ? found_ : Found{}; }
    Found bare() { return ask_one({}, 0, tokens().size()) ? found_ : Found{}; }

private:
    TokenSpan tokens() const { return key_.tokens(); }
    bool ask_one(Token tag, std::size_t first, std::size_t end);
    bool ask(std::size_t first, std::size_t end)
    {
        return ask_one(key_.tag(), first, end) ||
               (mark_ == Mark::bare_too && first < end &&
                ask_one({}, first, end));
    }
    /// What a hit in a D or A lookup means.
    Found hit() const
    {
        return access_.options_.skip && found_.is("SKIP") ? Found{} : found_;
    }
    Found other_key(Lookup lookup, const Tokens& key) const
    {
        return access_.find(lookup, key, key_.tag(), mark_);
    }

    const Access& access_;
    Mark mark_;
    Key key_;
    Found found_;
};

/// Whether tokens [first, end) have a value; keeps it, and the key as it was
/// asked for, in the case of the address.
bool Access::Walk::ask_one(Token tag, std::size_t first, std::size_t end)
{
    const auto key =
        tag.empty() ? key_.bare(first, end) : key_.tagged(first, end);
    if (!access_.ask(key, key_.quoted(), found_))
        return false;
    Memory* memory = access_.memory_;
    found_.tag = tag;
    found_.key =
        Phrase{tokens().subspan(first, end - first), ' ', false, memory}.all();
    if (found_.state == Found::State::failed)
        return true;
    const bool takes_key = found_.text.find('%') != npos;
    found_.value =
        kept(value_tokens(found_.text,
                          takes_key ? without_quotes(found_.full_key()) : "",
                          memory),
             memory);
    if (found_.value.empty() && found_.text.find('(') != npos)
        found_.value =
            kept(Tokens{tokens().begin() + static_cast<long>(first),
                        tokens().begin() + static_cast<long>(end), memory},
                 memory);  // nothing but comments: sendmail keeps the key
    if (ends_in_tempfail(found_.value))
        found_.state = Found::State::failed;
    if (!found_.is("?"))
        return true;
    found_ = {};
    return false;
}

/// The tokens of `[a.b.c.d]` without the last part: `[a.b.c]`; empty if there
/// is nothing to leave out.  IPv6 parts stand between colons, one or two.
Tokens shorter_literal(TokenSpan key, Memory* memory)
{
    const auto n = key.size();
    if (n < 5 || key.front() != "[" || key.back() != "]" ||
        (key[n - 3] != "." && key[n - 3] != ":"))
        return Tokens{memory};
    const bool double_colon = n >= 6 && key[n - 3] == ":" && key[n - 4] == ":";
    Tokens shorter{key.begin(), key.end() - (double_colon ? 4 : 3), memory};
    shorter.push_back("]");
    return shorter;
}

/// Drops the first label again and again, or the last part of a literal.
Found Access::Walk::domain()
{
    const auto n = tokens().size();
    for (std::size_t first = 0;;) {
        if (ask(first, n))
            return hit();
        const auto dot = policy::find(tokens(), ".", first + 1);
        const bool parent = dot != npos && dot + 1 < n;
        if (access_.options_.dotdomain && parent && ask(dot, n))
            return hit();
        const auto literal =
            shorter_literal(tokens().subspan(first), access_.memory_);
        if (!literal.empty())
            return other_key(Lookup::domain, literal);
        if (!parent)
            return {};
        first = dot + 1;
    }
}

/// Drops the last octet, or 16-bit group, again and again.
Found Access::Walk::address()
{
    std::size_t n = tokens().size();
    while (n > 0 && !ask(0, n)) {
        const bool cut =
            n >= 3 && (tokens()[n - 2] == "." || tokens()[n - 2] == ":");
        if (!cut)
            return {};
        n -= n >= 4 && tokens()[n - 2] == ":" && tokens()[n - 3] == ":" ? 3 : 2;
    }
    return hit();
}

/// user+detail@domain: then user+*@domain, then user@domain.  For a user
/// key, which ends in @, there is no domain.
Found Access::Walk::full_or_user(Lookup lookup)
{
    const auto key = tokens();
    if (key.empty())
        return {};
    if (ask(0, key.size()))
        return found_;
    const auto plus = policy::find(key, "+", 1);
    auto at = plus == npos ? npos : policy::find(key, "@", plus + 1);
    if (lookup == Lookup::user && at != npos)
        at = key.back() == "@" ? key.size() - 1 : npos;
    if (at == npos || (lookup == Lookup::full && at + 1 == key.size()))
        return {};
    Tokens star{key.begin(), key.begin() + static_cast<long>(plus) + 1,
                access_.memory_};
    star.push_back("*");
    star.insert(star.end(), key.begin() + static_cast<long>(at), key.end());
    auto found = other_key(Lookup::exact, star);
    if (found.state != Found::State::nothing)
        return found;
    star.erase(star.begin() + static_cast<long>(plus),
               star.begin() + static_cast<long>(plus) + 2);
    return other_key(Lookup::exact, star);
}

Found Access::find(Lookup lookup, TokenSpan key, Token tag, Mark mark) const
{
    Walk walk{*this, key, tag, mark};
    switch (lookup) {
        case Lookup::domain:
            return walk.domain();
        case Lookup::address:
            return walk.address();
        case Lookup::full:
        case Lookup::user:
            return walk.full_or_user(lookup);
        case Lookup::exact:
            break;
    }
    return walk.exact();
}

Found Access::search(std::initializer_list<Wanted> list, Token tag,
                     Mark mark) const
{
    for (const auto& wanted : list) {
        const auto found = find(wanted.lookup, wanted.key, tag, mark);
        if (found.state != Found::State::nothing)
            return found;
    }
    return {};
}

Found Access::one(Token tag, TokenSpan key) const
{
    Walk walk{*this, key, tag, Mark::tagged_only};
    return tag.empty() ? walk.bare() : walk.exact();
}

}  // namespace policy::map
