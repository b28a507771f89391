#include "policy/sendmail/rewriter.h"

#include <algorithm>

#include "policy/sendmail/words.h"
#include "policy/tokens.h"

namespace policy::sendmail {
namespace {

constexpr int most_calls = 50;            ///< rulesets in rulesets
constexpr int most_times = 100;           ///< that one rule applies
constexpr std::size_t most_words = 1000;  ///< of an address

bool starts_with(SymbolSpan symbols, Sign sign)
{
    return !symbols.empty() && symbols.front().sign == sign;
}

std::size_t find(SymbolSpan symbols, Sign sign, std::size_t from = 0)
{
    while (from < symbols.size() && symbols[from].sign != sign)
        ++from;
    return from;
}

/// The parts of `name key $@ argument $: otherwise`.
struct Question {
    SymbolSpan key;
    std::vector<SymbolSpan> arguments;
    std::optional<SymbolSpan> otherwise;
};

Question parted(SymbolSpan text)
{
    const auto part_end = [&](std::size_t from) {
        return std::min(find(text, Sign::host, from),
                        find(text, Sign::user, from));
    };
    Question out;
    auto at = part_end(0);
    out.key = text.first(at);
    while (at < text.size()) {
        const auto sign = text[at].sign;
        const auto end = part_end(at + 1);
        const auto part = text.subspan(at + 1, end - at - 1);
        if (sign == Sign::host)
            out.arguments.push_back(part);
        else
            out.otherwise = part;
        at = end;
    }
    return out;
}

void append(Symbols& to, SymbolSpan symbols)
{
    to.insert(to.end(), symbols.begin(), symbols.end());
}

}  // namespace

Rewriter::Rewriter(const Rulesets& rulesets, const Classes& classes,
                   const Lookups& lookups, Macros& macros, char blank)
    : rulesets_{rulesets}, lookups_{lookups}, macros_{macros}, blank_{blank}
{
    world_.in_class = [&classes](const std::string& text,
                                 const std::string& name) {
        const auto found = classes.find(without_braces(name));
        return found != classes.end() && found->second.contains(lower(text));
    };
    world_.macro = [&macros](const std::string& name) {
        return macros.expanded("$" + name);
    };
}

Result<Symbols> Rewriter::apply(std::string_view ruleset, Symbols address,
                                int depth) const
{
    if (depth > most_calls)
        return fail(Errc::parse, "rewrite: excessive recursion (max " +
                                     std::to_string(most_calls) +
                                     "), ruleset " + std::string{ruleset});
    const auto* const rules = rulesets_.find(ruleset);
    int times = 0;
    for (std::size_t i = 0; rules && i < rules->size();) {
        if (starts_with(address, Sign::mailer))
            break;
        const auto& rule = (*rules)[i];
        const auto matched = match(rule.pattern, address, world_);
        if (!matched) {
            ++i;
            times = 0;
            continue;
        }
        if (++times > most_times)
            return fail(Errc::parse, "Infinite loop in ruleset " +
                                         std::string{ruleset} + ", line " +
                                         std::to_string(rule.line));
        SymbolSpan right{rule.replacement};
        const bool last = starts_with(right, Sign::host);
        const bool once = starts_with(right, Sign::user);
        right = right.subspan(last || once ? 1 : 0);
        auto done = looked_up(substituted(right, address, *matched));
        if (done)
            done = called(std::move(*done), depth + 1);
        if (!done || last)
            return done;
        if (done->size() > most_words)
            return fail(Errc::parse, "rewrite: expansion too long, line " +
                                         std::to_string(rule.line));
        address = std::move(*done);
        i += once ? 1 : 0;
        times = once ? 0 : times;
    }
    return address;
}

Symbols Rewriter::substituted(SymbolSpan right, const Symbols& address,
                              const std::vector<Matched>& matched) const
{
    Symbols out;
    for (const auto& symbol : right) {
        if (symbol.sign == Sign::matched) {
            const auto n = static_cast<std::size_t>(symbol.text[0] - '1');
            if (n < matched.size())
                append(out, SymbolSpan{address}.subspan(matched[n].first,
                                                        matched[n].count));
        } else if (symbol.sign == Sign::macro) {
            append(out, words_of(world_.macro(symbol.text)));
        } else {
            out.push_back(symbol);
        }
    }
    return out;
}

/// Each $(...$) and $[...$] in the order of the text; what a map says is not
/// looked at again.
Result<Symbols> Rewriter::looked_up(const Symbols& symbols) const
{
    Symbols out;
    const SymbolSpan all{symbols};
    for (std::size_t i = 0; i < all.size();) {
        const bool host = all[i].sign == Sign::host_begin;
        if (!host && all[i].sign != Sign::lookup_begin) {
            out.push_back(all[i++]);
            continue;
        }
        const auto end =
            find(all, host ? Sign::host_end : Sign::lookup_end, i + 1);
        const auto said = answer(all.subspan(i + 1, end - i - 1), host);
        if (!said)
            return said;
        append(out, *said);
        i = std::min(end + 1, all.size());
    }
    return out;
}

Result<Symbols> Rewriter::answer(SymbolSpan question, bool host) const
{
    std::string name{"host"};
    if (!host && !question.empty()) {
        name = question.front().text;
        question = question.subspan(1);
    }
    const auto asked = parted(question);
    std::vector<std::string> arguments;
    for (const auto& argument : asked.arguments)
        arguments.push_back(text(argument));
    const auto key = text_of(asked.key, lookups_.blank_of(name, blank_));
    if (lower(name) == "macro") {
        macros_.set(without_braces(key),
                    arguments.empty() ? "" : arguments.front());
        return Symbols{};
    }
    const auto found = lookups_.ask(name, key, arguments);
    if (!found)
        return fail(found.error());
    if (*found)
        return words_of(**found);
    const auto otherwise = asked.otherwise.value_or(asked.key);
    return Symbols{otherwise.begin(), otherwise.end()};
}

/// The last call first; each has all that is behind it as its address.
Result<Symbols> Rewriter::called(Symbols symbols, int depth) const
{
    for (auto i = symbols.size(); i-- > 0;) {
        if (symbols[i].sign != Sign::call || i + 1 == symbols.size())
            continue;
        const auto name = without_quotes(symbols[i + 1].text);
        const auto at = symbols.begin() + static_cast<std::ptrdiff_t>(i);
        auto done = apply(name, Symbols{at + 2, symbols.end()}, depth);
        if (!done)
            return done;
        symbols.erase(at, symbols.end());
        append(symbols, *done);
    }
    return symbols;
}

}  // namespace policy::sendmail
