// What makes an address malformed, and how local domains are peeled off one
// that holds another host.  Source: proto.m4, rulesets Parse0 and final.
#include <algorithm>

#include "policy/relay/mailbox.h"

namespace policy::relay {
namespace {

constexpr SyntaxError list_syntax{
    "5.1.3", "553 List:; syntax illegal for recipient addresses"};
constexpr SyntaxError no_user{"5.1.3", "553 User address required"};
constexpr SyntaxError no_host{"5.1.3", "553 Hostname required"};
constexpr SyntaxError bad_literal{"5.1.2", "553 Invalid address"};
constexpr SyntaxError colon_in_host{"5.1.3",
                                    "553 Colon illegal in host name part"};
constexpr SyntaxError bad_host{"5.1.2", "553 Invalid host name"};
constexpr SyntaxError bad_route_end{"5.1.2", "553 Invalid route address"};
constexpr SyntaxError bad_route{"5.1.3", "553 Invalid route address"};
constexpr SyntaxError endless{
    "5.0.0", "554 rewrite: excessive recursion (max 50), ruleset Canonify2"};

// Local domains that are peeled off before sendmail's 50 levels are used up.
constexpr int max_peels = 40;

/// `[1.2.3.4]` may be followed by `:` or `,` and another host.
const SyntaxError* literal_error(TokenSpan d)
{
    if (d.size() > 1 && d[0] == "[") {
        bool closed_early = false;
        for (auto i = find(d, "]", 1); i != npos; i = find(d, "]", i + 1)) {
            const bool more = i + 2 < d.size();
            if (more && (d[i + 1] == ":" || d[i + 1] == ","))
                return nullptr;
            closed_early = closed_early || i + 1 < d.size();
        }
        if (closed_early)
            return &bad_literal;
        if (d.size() > 2 && d.back() == "]")
            return nullptr;
    }
    return find(d, ":") == npos ? nullptr : &colon_in_host;
}

bool has_empty_label(TokenSpan d)
{
    for (std::size_t i = 0; i + 1 < d.size(); ++i)
        if (d[i] == "." && d[i + 1] == ".")
            return true;
    return false;
}

const SyntaxError* host_error(TokenSpan d)
{
    if (const auto* error = literal_error(d))
        return error;
    if (d.front() == "." || has_empty_label(d))
        return &bad_host;
    return d.back() == "@" ? &bad_route_end : nullptr;
}

/// Whether quotes, parentheses and angle brackets close, and there is no
/// blank: only then can the quotes go.
class Dequoting {
public:
    bool take(char c)
    {
        if (escaped_) {
            escaped_ = false;
            text_ += c;
            return true;
        }
        escaped_ = c == '\\';
        if ((c == ')' && comments_-- <= 0) || c == ' ' || c == '\t')
            return false;
        comments_ += c == '(' ? 1 : 0;
        if (comments_ > 0) {
            text_ += c;
            return true;
        }
        return outside_comment(c);
    }
    bool complete() const
    {
        return angles_ == 0 && comments_ == 0 && !escaped_ && !quoted_;
    }
    const std::string& text() const { return text_; }

private:
    bool outside_comment(char c)
    {
        if (c == '"') {
            quoted_ = !quoted_;
            return true;
        }
        if (c == '>' && angles_-- <= 0)
            return false;
        angles_ += c == '<' ? 1 : 0;
        text_ += c;
        return true;
    }

    std::string text_;
    bool escaped_ = false;
    bool quoted_ = false;
    int comments_ = 0;
    int angles_ = 0;
};

bool ends_in_uucp(TokenSpan t)
{
    const auto n = t.size();
    return n > 4 && t[n - 4] == "@" && t[n - 2] == "." &&
           same(t[n - 1], "UUCP");
}

}  // namespace

Tokens Canonifier::dequoted(Token token) const
{
    Tokens same_token{{token}, memory_};
    if (token.find('"') == npos)
        return same_token;
    Dequoting quotes;
    for (const char c : token)
        if (!quotes.take(c))
            return same_token;
    return quotes.complete() ? tokenise(quotes.text(), memory_) : same_token;
}

/// A comma may stand before @, % or ! only.
bool Canonifier::comma_before_word(const Mailbox& box) const
{
    const auto in = [this](TokenSpan t, bool followed) {
        for (auto i = find(t, ","); i != npos; i = find(t, ",", i + 1))
            if (i + 1 < t.size() ? !is_host_token(t[i + 1]) : followed)
                return true;
        return false;
    };
    return in(box.local, box.has_domain) || in(box.domain, true);
}

const SyntaxError* Canonifier::malformed(const Mailbox& box) const
{
    const TokenSpan l = box.local;
    if (box.has_domain && box.domain.empty()) {
        if (l.empty())
            return nullptr;  // <>
        const bool list = l.size() > 1 && l.back() == ";" &&
                          find(l.first(l.size() - 1), ":") != npos;
        return list ? &list_syntax : &no_host;
    }
    if (box.has_domain && l.empty())
        return &no_user;
    if (box.has_domain) {
        if (const auto* error = host_error(box.domain))
            return error;
        if (find(l, "@") != npos)
            return &bad_route;
    }
    return comma_before_word(box) ? &bad_route : nullptr;
}

/// Whether the domain is one of this host's, which canonify ends in a dot.
bool Canonifier::is_here(const Mailbox& box) const
{
    const TokenSpan d = box.domain;
    return d.size() > 1 && d.back() == "." &&
           site_.local.has(d.first(d.size() - 1), memory_);
}

Mailbox Canonifier::peeled(Mailbox box, int depth) const
{
    const bool here = box.has_domain && is_here(box);
    const bool alone = !box.has_domain && box.local.size() == 1;
    if ((here && box.local.size() == 1) || alone)
        box.local = dequoted(box.local.front());
    if ((here || alone) && box.local.empty())
        box.error = &no_user;
    else if ((here || alone) && names_a_host(box.local)) {
        if (depth < max_peels)
            return parse_at(box.local, depth + 1);
        box.error = &endless;
    }
    return box;
}

Mailbox Canonifier::parse(TokenSpan address) const
{
    return parse_at(address, 0);
}

Mailbox Canonifier::parse_at(TokenSpan address, int depth) const
{
    Mailbox box = canonify(address);
    if (box.has_domain && box.local.size() == 1 && box.local[0] == "@")
        box.local.clear();  // @@host
    box.error = malformed(box);
    if (box.error || (box.local.empty() && box.domain.empty()))
        return box;
    return peeled(std::move(box), depth);
}

/// Leaves out a local domain behind a %-hack to another: u%here@here.
void Canonifier::drop_double_local(Mailbox& box) const
{
    const auto inner_local = [&] {
        for (auto i = find(box.local, "%", 1); i != npos;
             i = find(box.local, "%", i + 1))
            if (site_.local.has(TokenSpan{box.local}.subspan(i + 1), memory_))
                return i;
        return npos;
    };
    while (site_.local.has(box.domain, memory_)) {
        const auto i = inner_local();
        if (i == npos)
            return;
        const auto host = box.local.begin() + static_cast<long>(i);
        box.domain.assign(host + 1, box.local.end());
        box.local.erase(host, box.local.end());
    }
}

std::string Canonifier::external(Mailbox box) const
{
    if (box.has_domain && box.domain.empty())
        return box.local.size() > 2 ? joined(box.local, '.') : "";
    box.strip_trailing_dots();
    drop_double_local(box);
    Tokens t = std::move(box.local);
    if (box.has_domain) {
        t.push_back("@");
        t.insert(t.end(), box.domain.begin(), box.domain.end());
    }
    while (site_.features.uucp && ends_in_uucp(t)) {
        const Token host = t[t.size() - 3];
        t.resize(t.size() - 4);
        t.insert(t.begin(), {host, "!"});
    }
    return joined(t, '.');
}

}  // namespace policy::relay
