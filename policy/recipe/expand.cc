#include "policy/recipe/expand.h"

#include <algorithm>

#include "policy/recipe/expander.h"

namespace policy::recipe {

Expansion Expander::read()
{
    while (step()) {
    }
    if (at_ != At::between || words_ != Words::split)
        out_.text.push_back('\0');
    out_.used = std::min(pos_, source_.size());
    return std::move(out_);
}

bool Expander::step()
{
    if (out_.text.size() > limit_)
        out_.overflow = true;
    const int c = next();
    switch (c) {
        case end:
            if (words_ != Words::whole && quoted())
                out_.unexpected_end = true;
            return false;
        case '\\':
            if (at_ == At::in_single)
                break;
            return backslash();
        case '`':
            if (at_ == At::in_single)
                break;
            return backquote();
        case '"':
            double_quote();
            return true;
        case '\'':
            single_quote();
            return true;
        case '}':
            close_brace();
            return true;
        case '#':
            if (at_ > At::between)
                break;
            return comment();
        case '$':
            if (at_ == At::in_single)
                break;
            return dollar();
        case ' ':
        case '\t':
        case '\n':
            return blank(c);
        default:
            break;
    }
    literal(c);
    return true;
}

bool Expander::finish_early()
{
    out_.unexpected_end = true;
    return false;
}

bool Expander::backslash()
{
    const int c = next();
    bool plain = false;
    switch (c) {
        case end:
            return finish_early();
        case '\n':
            return true;
        case '#':
            plain = at_ <= At::between;
            break;
        case ' ':
        case '\t':
        case '\'':
            plain = at_ != At::in_double;
            break;
        case '"':
        case '\\':
        case '$':
        case '`':
            plain = true;
            break;
        case '}':
            plain = in_braces();
            break;
        default:
            break;
    }
    // A backslash with nothing to quote: kept inside quotes, dropped outside.
    if (!plain && (quoted() || (c == '#' && at_ > At::between)))
        put('\\');
    literal(c);
    return true;
}

bool Expander::backquote()
{
    std::string command;
    const bool double_quoted = at_ == At::in_double;
    int c = next();
    for (; c != end && c != '`' && !(c == '"' && double_quoted); c = next()) {
        if (c == '\\') {
            c = next();
            if (c == '\n')
                continue;
            const bool plain = c == '\\' || c == '$' || c == '`' ||
                               (c == '"' && double_quoted);
            if (!plain)
                command.push_back('\\');
            if (c == end)
                break;
        }
        command.push_back(static_cast<char>(c));
    }
    if (c == '"')
        at_ = At::word;
    out_.commands.push_back(command);
    if (commands_ && !passing_) {
        // What is read of a program leaves two bytes of the line.
        const std::size_t used = out_.text.size() + 2;
        value(commands_(command, limit_ > used ? limit_ - used : 0));
    } else {
        begin_word();
    }
    return c == end ? finish_early() : true;
}

void Expander::double_quote()
{
    if (at_ == At::in_single ||
        (at_ == At::in_double && quote_braces_ < braces_)) {
        literal('"');
    } else if (at_ == At::in_double) {
        at_ = At::word;
    } else {
        quote_braces_ = braces_;
        at_ = At::in_double;
    }
}

void Expander::single_quote()
{
    if (at_ == At::in_double)
        literal('\'');
    else
        at_ = at_ == At::in_single ? At::word : At::in_single;
}

void Expander::close_brace()
{
    if (!in_braces()) {
        literal('}');
        return;
    }
    --braces_;
    if (passing_ && braces_ == passed_braces_) {
        passing_ = false;
        out_.text.resize(passed_size_);
        at_ = passed_at_;
        value(passed_value_);
    }
}

bool Expander::comment()
{
    int c = next();
    while (c != end && c != '\n')
        c = next();
    return false;
}

bool Expander::blank(int c)
{
    if (c != '\n') {
        if (at_ == At::word) {
            if (words_ == Words::first)
                return false;
            at_ = At::between;
            put(words_ == Words::split ? '\0' : ' ');
            return true;
        }
        if (at_ <= At::between)
            return true;
    } else if (at_ <= At::word) {
        return false;
    }
    literal(c);
    return true;
}

bool begins_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool in_name(char c)
{
    return begins_name(c) || (c >= '0' && c <= '9');
}

std::string_view Expansion::first() const
{
    return std::string_view{text}.substr(0, text.find('\0'));
}

std::vector<std::string> Expansion::words() const
{
    std::vector<std::string> all;
    std::size_t start = 0;
    for (std::size_t nul = text.find('\0'); nul != text.npos;
         nul = text.find('\0', start)) {
        all.push_back(text.substr(start, nul - start));
        start = nul + 1;
    }
    if (all.empty())
        all.emplace_back();
    return all;
}

Expansion expand(std::string_view source, Words words, const Lookup& lookup,
                 std::size_t limit, bool in_quotes, const Commands& commands)
{
    return Expander{source, words, lookup, limit, in_quotes, commands}.read();
}

}  // namespace policy::recipe
