// A configuration as YAML, from the table of keys.
#include <algorithm>

#include "policy/config/effective.h"

namespace policy::config {
namespace {

constexpr const char* plain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    "/._-+@";

/// In double quotes, with `\n` for the end of a line.
std::string escaped(const std::string& text)
{
    std::string out = "\"";
    for (const char c : text)
        out += c == '\n'               ? std::string{"\\n"}
               : c == '\t'             ? std::string{"\\t"}
               : c == '"' || c == '\\' ? std::string{'\\', c}
                                       : std::string(1, c);
    return out + '"';
}

/// Quotes what YAML would read as something else than this text.
std::string yaml(const std::string& text)
{
    if (!text.empty() && text.find_first_not_of(plain) == std::string::npos &&
        text.front() != '-' && text.front() != '@')
        return text;
    if (text.find_first_of("\n\t") != std::string::npos)
        return escaped(text);
    std::string quoted = "'";
    for (const char c : text)
        quoted += c == '\'' ? "''" : std::string(1, c);
    return quoted + "'";
}

}  // namespace

std::string yaml_text(const Key& key, const Value& value)
{
    const auto* items = std::get_if<std::vector<std::string>>(&value);
    if (!items)
        return std::holds_alternative<std::string>(value) ||
                       std::holds_alternative<SocketSpec>(value)
                   ? yaml(text_of(key, value))
                   : text_of(key, value);
    std::string all;
    for (const auto& item : *items)
        all += (all.empty() ? "" : ", ") + yaml(item);
    return "[" + all + "]";
}

namespace {

/// Writes lines, and the section headings that a name needs.
class Printer {
public:
    explicit Printer(const Values& values) : values_{values} {}

    void setting(const Key& key)
    {
        const std::string name{key.name};
        // A default that depends on other settings is not spelt out.
        if (!values_.given(name) && key.fallback.empty())
            return;
        const auto leaf = open_sections(name);
        line(leaf + ": " + yaml_text(key, values_.value(name)) +
             (values_.given(name) ? "  # set" : ""));
    }

    /// All members of a sequence, when the first key of it comes along.
    void sequence(const std::string& name)
    {
        const auto n = values_.count(name);
        if (n == 0)
            return;
        line(open_sections(name) + ":  # set");
        for (std::size_t i = 0; i < n; ++i)
            member(name, name + "[" + std::to_string(i) + "].");
    }

    std::string out;

private:
    void member(const std::string& name, const std::string& prefix)
    {
        std::string fields;
        for (const auto& key : keys()) {
            if (!key.name.starts_with(name + "[]."))
                continue;
            const std::string field{key.name.substr(name.size() + 3)};
            fields += (fields.empty() ? "" : ", ") + field + ": " +
                      yaml_text(key, values_.value(prefix + field));
        }
        line("- {" + fields + "}");
    }

    /// Prints headings down to the section of `name`; returns its last word.
    std::string open_sections(const std::string& name)
    {
        std::vector<std::string> words{""};
        for (const char c : name)
            if (c == '.')
                words.emplace_back();
            else
                words.back() += c;
        const auto leaf = words.back();
        words.pop_back();
        const auto same = std::mismatch(words.begin(), words.end(),
                                        open_.begin(), open_.end());
        open_.assign(words.begin(), same.first);
        for (auto word = same.first; word != words.end(); ++word) {
            line(*word + ":");
            open_.push_back(*word);
        }
        return leaf;
    }

    void line(const std::string& text)
    {
        out += std::string(4 * open_.size(), ' ') + text + "\n";
    }

    const Values& values_;
    std::vector<std::string> open_;
};

/// All that is said about a setting, or about each member of a sequence.
std::string said(const Values& values, const Key& key)
{
    const std::string name{key.name};
    const auto member = name.find("[].");
    if (member == std::string::npos)
        return values.given(name) ? yaml_text(key, values.value(name)) : "";
    const auto sequence = name.substr(0, member);
    std::string all;
    for (std::size_t i = 0; i < values.count(sequence); ++i)
        all += yaml_text(key, values.value(sequence + "[" + std::to_string(i) +
                                           "]" + name.substr(member + 2))) +
               "\n";
    return all;
}

}  // namespace

std::vector<std::string> needs_restart(const Config& running,
                                       const Config& fresh)
{
    std::vector<std::string> names;
    for (const auto& key : keys())
        if (key.at_start &&
            said(running.values, key) != said(fresh.values, key))
            names.emplace_back(key.name);
    return names;
}

std::string print(const Config& config)
{
    Printer printer{config.values};
    std::string last;
    for (const auto& key : keys()) {
        const auto member = key.name.find("[].");
        if (member == std::string_view::npos) {
            printer.setting(key);
            continue;
        }
        const std::string name{key.name.substr(0, member)};
        if (name != last)
            printer.sequence(name);
        last = name;
    }
    return printer.out;
}

}  // namespace policy::config
