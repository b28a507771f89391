#include "policy/sendmail/resolver.h"

#include <algorithm>
#include <cctype>

#include "policy/sendmail/words.h"
#include "policy/tokens.h"

namespace policy::sendmail {
namespace {

std::map<std::string, Mailer, std::less<>> mailers_of(const Cf& cf)
{
    std::map<std::string, Mailer, std::less<>> all{
        {error_mailer, {error_mailer, "", ""}},
        {file_mailer, {file_mailer, "lsDFMPEouq9", ""}},
        {include_mailer, {include_mailer, "su", ""}}};
    for (const auto& line : cf.lines()) {
        if (line.kind != 'M')
            continue;
        Mailer one;
        one.name = trimmed(line.text.substr(0, line.text.find(',')));
        for (const auto& [letter, value] : fields(line.text))
            if (letter == 'F')
                one.flags = value;
            else if (letter == 'R')
                one.ruleset = value.substr(0, value.find('/'));
        all.insert_or_assign(lower(one.name), one);
    }
    return all;
}

/// The triple of `$#mailer $@ host $: user`.
struct Triple {
    std::string mailer;
    std::optional<SymbolSpan> host;
    SymbolSpan user;
};

std::optional<Triple> triple(SymbolSpan resolved)
{
    if (resolved.size() < 2 || resolved.front().sign != Sign::mailer)
        return std::nullopt;
    Triple out;
    out.mailer = resolved[1].text;
    resolved = resolved.subspan(2);
    const auto user = std::find_if(
        resolved.begin(), resolved.end(),
        [](const Symbol& symbol) { return symbol.sign == Sign::user; });
    if (user == resolved.end())
        return std::nullopt;
    const auto at = static_cast<std::size_t>(user - resolved.begin());
    if (at > 0 && resolved.front().sign == Sign::host)
        out.host = resolved.subspan(1, at - 1);
    out.user = resolved.subspan(at + 1);
    return out;
}

Target failed(std::string user, std::string text)
{
    Target to;
    to.mailer.name = error_mailer;
    to.user = std::move(user);
    to.text = std::move(text);
    return to;
}

/// Length of `5.1.1` at the beginning of a text that goes on with a blank.
std::size_t enhanced_code(std::string_view text)
{
    const auto end = std::min(text.find(' '), text.size());
    const auto code = text.substr(0, end);
    const bool starts = code.size() >= 5 && code[1] == '.' &&
                        (code[0] == '2' || code[0] == '4' || code[0] == '5');
    return starts && code.find_first_not_of("0123456789.") == code.npos &&
                   std::count(code.begin(), code.end(), '.') == 2
               ? end
               : 0;
}

/// Names of programs, files and lists that the mailer may not hand on.
const char* special(const Mailer& mailer, std::string_view user)
{
    if (user.starts_with('"'))
        user.remove_prefix(1);
    if (user.starts_with('|') && mailer.has('|'))
        return program_mailer;
    if (user.starts_with('/') && mailer.has('/'))
        return file_mailer;
    if (user.starts_with(':') && mailer.has(':') &&
        lower(without_quotes(user)).starts_with(":include:"))
        return include_mailer;
    return nullptr;
}

}  // namespace

Resolver::Resolver(const Cf& cf, const Rewriter& rewriter, Macros& macros)
    : mailers_{mailers_of(cf)}, rewriter_{rewriter}, macros_{macros}
{
}

const Mailer* Resolver::mailer(std::string_view name) const
{
    const auto found = mailers_.find(lower(name));
    return found == mailers_.end() ? nullptr : &found->second;
}

Result<std::optional<Target>> Resolver::resolve(std::string_view address) const
{
    auto words = words_of(address);
    if (words.empty())
        return std::nullopt;
    macros_.set("addr_type", "e r");
    auto done = rewriter_.apply("3", std::move(words));
    if (done)
        done = rewriter_.apply("0", std::move(*done));
    return arrived(done, address);
}

/// Rules without an end are an error of that address only.
Result<std::optional<Target>> Resolver::arrived(const Result<Symbols>& resolved,
                                                std::string_view address) const
{
    auto to = resolved ? target(*resolved) : fail(resolved.error());
    if (to)
        return std::move(*to);
    if (to.error().code == Errc::parse)
        return failed(std::string{address}, to.error().text);
    return fail(to.error());
}

Result<std::optional<Target>> Resolver::local(const Target& user) const
{
    auto words = words_of(user.user);
    if (words.empty())
        return std::nullopt;
    macros_.set("h", user.host);
    macros_.set("u", user.user);
    const auto done = rewriter_.apply("5", std::move(words));
    if (done && (done->empty() || done->front().sign != Sign::mailer))
        return std::nullopt;
    auto to = arrived(done, user.user);
    if (to && *to && (*to)->same_as(user))
        return std::nullopt;
    return to;
}

Result<Target> Resolver::target(const Symbols& resolved) const
{
    const auto found = triple(resolved);
    if (!found)
        return failed("", "buildaddr: no mailer in parsed address");
    const auto user = text_of(found->user, ' ');
    if (lower(found->mailer) == error_mailer)
        return failed(user, error_text(without_quotes(user)));
    const auto* const known = mailer(found->mailer);
    if (!known)
        return failed(user, "buildaddr: unknown mailer " + found->mailer);
    if (!found->host && !known->has('l'))
        return failed(user, "buildaddr: no host");
    Target to;
    to.mailer = *known;
    to.host = found->host ? rewriter_.text(*found->host) : "";
    return mailed(std::move(to), {found->user.begin(), found->user.end()});
}

/// Rewrites the user as its mailer wants it.
Result<Target> Resolver::mailed(Target to, Symbols user) const
{
    if (to.mailer.has('@') && !user.empty() && user.front().text == "@") {
        user.erase(user.begin());
        to.final = true;
    }
    const auto text = text_of(user, ' ');
    if (const char* const name = special(to.mailer, text)) {
        if (const auto* const known = mailer(name))
            to.mailer = *known;
        if (name == include_mailer) {
            to.user = without_quotes(text).substr(9);
            return to;
        }
    }
    macros_.set("h", to.host);
    for (const auto& ruleset :
         {std::string{"2"}, to.mailer.ruleset, std::string{"4"}}) {
        auto done = rewriter_.apply(ruleset, std::move(user));
        if (!done)
            return fail(done.error());
        user = std::move(*done);
    }
    to.user = rewriter_.text(user);
    if (!to.mailer.has('h'))
        to.host = lower(to.host);
    if (!to.mailer.has('u'))
        to.user = lower(to.user);
    return to;
}

std::string error_text(std::string_view value)
{
    value = trimmed(value);
    if (value.size() < 4 || value.find_first_not_of("0123456789") != 3 ||
        value[3] != ' ')
        return std::string{value};
    value.remove_prefix(4);
    value.remove_prefix(enhanced_code(value));
    return std::string{trimmed(value)};
}

}  // namespace policy::sendmail
