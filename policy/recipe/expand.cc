#include "policy/recipe/expand.h"

#include <algorithm>

namespace policy::recipe {
namespace {

constexpr std::string_view special_names = "$?#=_-";
constexpr std::string_view regexp_specials = "(|)*?+.^$[\\";
constexpr int end = -1;

/// Where the reader is between and inside words, in rising order of quoting.
enum class At { start, between, word, in_double, in_single };

class Reader {
public:
    Reader(std::string_view source, Words words, const Lookup& lookup,
           std::size_t limit, bool in_quotes, const Commands& commands)
        : source_{source},
          words_{words},
          lookup_{lookup},
          commands_{commands},
          limit_{limit}
    {
        if (in_quotes)
            at_ = At::in_double;
    }

    Expansion read()
    {
        while (step()) {
        }
        if (at_ != At::between || words_ != Words::split)
            out_.text.push_back('\0');
        out_.used = std::min(pos_, source_.size());
        return std::move(out_);
    }

private:
    int next()
    {
        const int c = pos_ < source_.size()
                          ? static_cast<unsigned char>(source_[pos_])
                          : end;
        ++pos_;
        return c;
    }
    int peek() const
    {
        return pos_ < source_.size() ? static_cast<unsigned char>(source_[pos_])
                                     : end;
    }
    void put(int c)
    {
        if (out_.text.size() <= limit_)
            out_.text.push_back(static_cast<char>(c));
        else
            out_.overflow = true;
    }
    void literal(int c)
    {
        put(c);
        begin_word();
    }
    void begin_word()
    {
        if (at_ <= At::between)
            at_ = At::word;
    }
    bool quoted() const { return at_ > At::word; }
    /// Inside a ${NAME-...} whose closing brace would count here.
    bool in_braces() const
    {
        return at_ == At::in_double ? braces_ > quote_braces_
                                    : at_ <= At::word && braces_ > 0;
    }

    bool step();
    bool finish_early();
    bool backslash();
    bool backquote();
    void double_quote();
    void single_quote();
    void close_brace();
    bool comment();
    bool blank(int c);
    bool dollar();
    bool braced_name();
    void alternative(char op, bool colon, std::string_view name);
    bool plain_name(bool regexp_quoted);
    void value(std::string_view text);
    void split_value(std::string_view text);
    void quoted_value(std::string_view text);
    std::optional<std::string_view> look_up(std::string_view name);

    std::string_view source_;
    Words words_;
    const Lookup& lookup_;
    const Commands& commands_;
    std::size_t limit_;
    std::size_t pos_ = 0;
    At at_ = At::start;
    int braces_ = 0;
    int quote_braces_ = 0;
    // While the other text of ${NAME-other} is passed over:
    bool passing_ = false;
    std::string passed_value_;
    std::size_t passed_size_ = 0;
    int passed_braces_ = 0;
    At passed_at_ = At::start;
    Expansion out_;
};

bool Reader::step()
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

bool Reader::finish_early()
{
    out_.unexpected_end = true;
    return false;
}

bool Reader::backslash()
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

bool Reader::backquote()
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

void Reader::double_quote()
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

void Reader::single_quote()
{
    if (at_ == At::in_double)
        literal('\'');
    else
        at_ = at_ == At::in_single ? At::word : At::in_single;
}

void Reader::close_brace()
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

bool Reader::comment()
{
    int c = next();
    while (c != end && c != '\n')
        c = next();
    return false;
}

bool Reader::blank(int c)
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

std::optional<std::string_view> Reader::look_up(std::string_view name)
{
    out_.variables = true;
    if (passing_ || !lookup_)
        return std::nullopt;
    return lookup_(name);
}

bool Reader::dollar()
{
    const int c = peek();
    if (c == end) {
        ++pos_;
        put('$');
        at_ = At::word;
        return false;
    }
    if (c == '{') {
        ++pos_;
        return braced_name();
    }
    if (c == '@' && at_ == At::in_double) {
        ++pos_;
        out_.all_arguments = true;
        return true;
    }
    const char ch = static_cast<char>(c);
    if ((c >= '0' && c <= '9') ||
        special_names.find(ch) != special_names.npos) {
        const std::string_view name = source_.substr(pos_++, 1);
        value(look_up(name).value_or(""));
        return true;
    }
    if (c == '\\' && pos_ + 1 < source_.size() &&
        begins_name(source_[pos_ + 1])) {
        ++pos_;
        return plain_name(true);
    }
    if (begins_name(ch))
        return plain_name(false);
    literal('$');
    return true;
}

bool Reader::plain_name(bool regexp_quoted)
{
    const std::size_t start = pos_;
    while (peek() != end && in_name(static_cast<char>(peek())))
        ++pos_;
    const auto found = look_up(source_.substr(start, pos_ - start));
    if (regexp_quoted)
        quoted_value(found.value_or(""));
    else
        value(found.value_or(""));
    return true;
}

bool Reader::braced_name()
{
    const std::size_t start = pos_;
    while (peek() != end && in_name(static_cast<char>(peek())))
        ++pos_;
    const std::string_view name = source_.substr(start, pos_ - start);
    int op = next();
    const bool colon = op == ':';
    if (colon)
        op = next();
    const bool number =
        !name.empty() && name[0] >= '0' && name[0] <= '9' && name.size() > 1;
    if (number || (op != '-' && op != '+' && (colon || op != '}'))) {
        out_.bad_substitutions.emplace_back(name);
        return true;
    }
    if (op == '}')
        value(look_up(name).value_or(""));
    else
        alternative(static_cast<char>(op), colon, name);
    return true;
}

void Reader::alternative(char op, bool colon, std::string_view name)
{
    const auto found = look_up(name);
    const bool set = found && !(colon && found->empty());
    const bool use_other = set == (op == '+');
    if (!use_other && !passing_) {
        passing_ = true;
        passed_value_ = op == '-' ? std::string{*found} : std::string{};
        passed_size_ = out_.text.size();
        passed_braces_ = braces_;
        passed_at_ = at_;
    }
    ++braces_;
}

void Reader::value(std::string_view text)
{
    if (at_ != At::in_double && words_ == Words::split) {
        split_value(text);
        return;
    }
    text = text.substr(0, text.find('\0'));
    if (out_.text.size() + text.size() > limit_)
        out_.overflow = true;
    else
        out_.text.append(text);
    begin_word();
}

void Reader::split_value(std::string_view text)
{
    for (const char c : text) {
        if (c == ' ' || c == '\t' || c == '\n') {
            if (at_ > At::between) {
                put('\0');
                at_ = At::between;
            }
        } else {
            put(c);
            at_ = At::word;
        }
    }
}

void Reader::quoted_value(std::string_view text)
{
    put('(');
    put(')');
    for (const char c : text) {
        if (regexp_specials.find(c) != regexp_specials.npos)
            put('\\');
        put(c);
    }
    begin_word();
}

}  // namespace

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
    return Reader{source, words, lookup, limit, in_quotes, commands}.read();
}

}  // namespace policy::recipe
