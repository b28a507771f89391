// What begins with a dollar sign, and the values that take its place.
#include "policy/recipe/expander.h"

namespace policy::recipe {
namespace {

constexpr std::string_view special_names = "$?#=_-";
constexpr std::string_view regexp_specials = "(|)*?+.^$[\\";

}  // namespace

std::optional<std::string_view> Expander::look_up(std::string_view name)
{
    out_.variables = true;
    if (passing_ || !lookup_)
        return std::nullopt;
    return lookup_(name);
}

bool Expander::dollar()
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

bool Expander::plain_name(bool regexp_quoted)
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

bool Expander::braced_name()
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

void Expander::alternative(char op, bool colon, std::string_view name)
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

void Expander::value(std::string_view text)
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

void Expander::split_value(std::string_view text)
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

void Expander::quoted_value(std::string_view text)
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

}  // namespace policy::recipe
