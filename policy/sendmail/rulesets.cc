#include "policy/sendmail/rulesets.h"

#include <algorithm>

#include "policy/sendmail/words.h"
#include "policy/tokens.h"

namespace policy::sendmail {
namespace {

/// Takes the text up to the next tabs off `text`.
std::string_view take_column(std::string_view& text)
{
    const auto end = std::min(text.find('\t'), text.size());
    const auto column = text.substr(0, end);
    text.remove_prefix(end);
    text.remove_prefix(std::min(text.find_first_not_of('\t'), text.size()));
    return column;
}

/// `canonify=3`, `3`, `Parse0` -> name and number.
std::pair<std::string, std::string> head_of(std::string_view text)
{
    const auto parts = split(text.substr(0, text.find_first_of(" \t")), "=");
    if (parts.empty())
        return {};
    return {parts[0], parts.size() > 1 ? parts[1] : ""};
}

/// Fits a pattern to symbols.
class Matcher {
public:
    Matcher(SymbolSpan pattern, SymbolSpan symbols, const MatchWorld& world)
        : pattern_{pattern}, symbols_{symbols}, world_{world}
    {
    }

    std::optional<std::vector<Matched>> run()
    {
        if (!from(0, 0))
            return std::nullopt;
        return std::move(found_);
    }

private:
    /// Whether pattern[p...] fits symbols[s...].
    bool from(std::size_t p, std::size_t s)
    {
        if (p == pattern_.size())
            return s == symbols_.size();
        const Symbol& sign = pattern_[p];
        const auto left = symbols_.size() - s;
        switch (sign.sign) {
            case Sign::any:
                return lengths(p, s, 0, left);
            case Sign::some:
                return lengths(p, s, 1, left);
            case Sign::in_class:
                return phrase(p, s, left);
            case Sign::not_in_class:
                return left > 0 &&
                       !world_.in_class(symbols_[s].text, sign.text) &&
                       lengths(p, s, 1, 1);
            case Sign::one:
                return left > 0 && lengths(p, s, 1, 1);
            case Sign::none:
                return from(p + 1, s);
            case Sign::macro:
                return value(p, s);
            default:
                return left > 0 && symbols_[s].sign == sign.sign &&
                       same(symbols_[s].text, sign.text) && from(p + 1, s + 1);
        }
    }

    bool lengths(std::size_t p, std::size_t s, std::size_t least,
                 std::size_t most)
    {
        for (auto n = least; n <= most; ++n)
            if (binds(p, s, n))
                return true;
        return false;
    }

    /// A class may have members of several words: `mx.example.org`.
    bool phrase(std::size_t p, std::size_t s, std::size_t left)
    {
        for (std::size_t n = 1; n <= left; ++n)
            if (world_.in_class(text_of(symbols_.subspan(s, n), ' '),
                                pattern_[p].text) &&
                binds(p, s, n))
                return true;
        return false;
    }

    bool binds(std::size_t p, std::size_t s, std::size_t n)
    {
        found_.push_back({s, n});
        if (from(p + 1, s + n))
            return true;
        found_.pop_back();
        return false;
    }

    bool value(std::size_t p, std::size_t s)
    {
        const auto text = world_.macro(pattern_[p].text);
        for (std::string_view rest{text}; !rest.empty(); ++s) {
            if (s == symbols_.size() || symbols_[s].text.empty() ||
                !same(rest.substr(0, symbols_[s].text.size()),
                      symbols_[s].text))
                return false;
            rest.remove_prefix(symbols_[s].text.size());
        }
        return from(p + 1, s);
    }

    SymbolSpan pattern_;
    SymbolSpan symbols_;
    const MatchWorld& world_;
    std::vector<Matched> found_;
};

}  // namespace

Rulesets::Rulesets(const Cf& cf, const Macros& macros)
{
    Ruleset* current = nullptr;
    for (const auto& line : cf.lines()) {
        if (line.kind == 'S') {
            const auto [name, number] = head_of(line.text);
            current = &sets_[lower(name)];
            current->clear();  // the last of a name counts
            if (!number.empty())
                numbers_[number] = lower(name);
        } else if (line.kind == 'R' && current) {
            std::string_view rest{line.text};
            const auto left = take_column(rest), right = take_column(rest);
            current->push_back({line.number,
                                rule_symbols(macros.expanded(left), true),
                                rule_symbols(macros.expanded(right), false)});
        }
    }
}

const Ruleset* Rulesets::find(std::string_view name) const
{
    const auto number = numbers_.find(std::string{name});
    const auto set =
        sets_.find(number == numbers_.end() ? lower(name) : number->second);
    return set == sets_.end() || set->second.empty() ? nullptr : &set->second;
}

std::optional<std::vector<Matched>> match(SymbolSpan pattern,
                                          SymbolSpan symbols,
                                          const MatchWorld& world)
{
    return Matcher{pattern, symbols, world}.run();
}

}  // namespace policy::sendmail
