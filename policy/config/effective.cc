#include "policy/config/effective.h"

#include <algorithm>
#include <map>

namespace policy::config {
namespace {

using Derived = std::map<std::string, Value>;

/// Defaults that depend on other settings, where these give one.
Derived derived(const Config& c)
{
    const Relay& r = c.relay;
    Derived all{{"relay.map_socket", r.map_socket},
                {"relay.control_socket", r.control_socket},
                {"relay.pid_file", r.pid_file},
                {"relay.map_socket_group", r.map_socket_group},
                {"relay.policy_socket_group", r.policy_socket_group},
                {"relay.access", r.access},
                {"relay.local_host_names", r.local_host_names},
                {"relay.relay_domains", r.relay_domains},
                {"relay.relayers.file", r.relayers.file},
                {"relay.relayers.journal", r.relayers.journal},
                {"relay.accounts.realm", r.accounts.realm},
                {"postern.pid_file", c.postern.pid_file},
                {"virus.pid_file", c.virus.pid_file},
                {"virus.skip.access", c.virus.skip_access},
                {"filter.pid_file", c.filter.pid_file},
                {"filter.site_rc", c.filter.site_rc},
                {"filter.include_dir", c.filter.include_dir},
                {"filter.access", c.filter.access}};
    std::erase_if(all, [](const auto& entry) {
        const auto* text = std::get_if<std::string>(&entry.second);
        return text && text->empty();
    });
    return all;
}

Setting setting(const Values& values, const Derived& defaults, const Key& key,
                std::string name)
{
    if (values.given(name))
        return {&key, name, values.value(name), values.place(name)};
    const auto own = defaults.find(name);
    if (own != defaults.end())
        return {&key, name, own->second, "default"};
    if (key.fallback.empty())
        return {&key, name, std::nullopt, "default"};
    return {&key, name, values.value(name), "default"};
}

/// Parts of a name: `relay`, `login`, `follow`, `[0]`, `file`.
std::vector<std::string> parts_of(const std::string& name)
{
    std::vector<std::string> parts{""};
    for (const char c : name) {
        if (c == '.' || c == '[')
            parts.emplace_back();
        if (c != '.')
            parts.back() += c;
    }
    return parts;
}

/// Writes settings with the headings that they need.
class Writer {
public:
    void write(const Setting& setting)
    {
        auto parts = parts_of(setting.name);
        const auto leaf = std::move(parts.back());
        parts.pop_back();
        open(parts);
        if (setting.value)
            line(leaf + ": " + yaml_text(*setting.key, *setting.value) +
                 "  # " + setting.origin);
        else
            line("# " + leaf + ":  # " + std::string{setting.key->about});
    }

    std::string out;

private:
    void open(const std::vector<std::string>& parts)
    {
        const auto same = std::mismatch(parts.begin(), parts.end(),
                                        open_.begin(), open_.end());
        open_.assign(parts.begin(), same.first);
        for (auto part = same.first; part != parts.end(); ++part) {
            line(part->front() == '[' ? "-" : *part + ":");
            open_.push_back(*part);
        }
    }

    void line(const std::string& text)
    {
        out += std::string(4 * open_.size(), ' ') + text + "\n";
    }

    std::vector<std::string> open_;
};

}  // namespace

std::vector<Setting> effective(const Config& config)
{
    const auto& values = config.values;
    const auto defaults = derived(config);
    std::vector<Setting> all;
    std::string last;
    for (const auto& key : keys()) {
        const std::string name{key.name};
        const auto member = name.find("[].");
        const auto sequence = name.substr(0, member);
        if (member == name.npos)
            all.push_back(setting(values, defaults, key, name));
        else if (sequence != last)
            for (std::size_t i = 0; i < values.count(sequence); ++i)
                for (const auto& field : keys())
                    if (field.name.starts_with(sequence + "[]."))
                        all.push_back(setting(
                            values, defaults, field,
                            sequence + "[" + std::to_string(i) + "]." +
                                std::string{
                                    field.name.substr(sequence.size() + 3)}));
        last = member == name.npos ? "" : sequence;
    }
    return all;
}

std::string print_settings(const std::vector<Setting>& settings)
{
    Writer writer;
    for (const auto& setting : settings)
        writer.write(setting);
    return writer.out;
}

std::string print_effective(const Config& config)
{
    return print_settings(effective(config));
}

}  // namespace policy::config
