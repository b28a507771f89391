#include "milters/postern/config.h"

#include <sysexits.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "milters/postern/latin1.h"
#include "milters/postern/options.h"
#include "policy/config/effective.h"

namespace milters::postern {
namespace {

namespace config = policy::config;
using Json = nlohmann::ordered_json;

constexpr int no_value = 1;

struct Arguments {
    ConfigOptions common;
    bool json = false;
    std::vector<std::string> names;
};

/// Numbers and truth values as JSON has them; the rest as it would be written.
Json value_of(const config::Setting& setting)
{
    if (!setting.value)
        return nullptr;
    if (const auto* truth = std::get_if<bool>(&*setting.value))
        return *truth;
    if (setting.key->type == config::Type::count)
        return std::get<std::int64_t>(*setting.value);
    if (const auto* items =
            std::get_if<std::vector<std::string>>(&*setting.value)) {
        Json list = Json::array();
        for (const auto& item : *items)
            list.push_back(to_utf8(item));
        return list;
    }
    if (const auto* networks =
            std::get_if<std::vector<policy::Network>>(&*setting.value)) {
        Json list = Json::array();
        for (const auto& network : *networks)
            list.push_back(network.text());
        return list;
    }
    return to_utf8(config::text_of(*setting.key, *setting.value));
}

void print(const config::Setting& setting, bool json)
{
    if (json) {
        const Json line{{"name", setting.name},
                        {"value", value_of(setting)},
                        {"origin", to_utf8(setting.origin)}};
        std::cout << line.dump() << '\n';
    } else if (setting.value) {
        std::cout << setting.name << ": "
                  << config::yaml_text(*setting.key, *setting.value) << "  # "
                  << setting.origin << '\n';
    }
}

/// `relay.socket`, or all below `relay.login`.
bool asked_for(const std::string& name, const std::string& word)
{
    return name == word || name.starts_with(word + ".") ||
           name.starts_with(word + "[");
}

/// Prints those that were asked for; EX_USAGE for one that does not exist.
int show_some(const std::vector<config::Setting>& all, const Arguments& a)
{
    bool any = false;
    for (const auto& word : a.names) {
        const auto generic = config::generic_name(word);
        if (!config::find_key(generic) && !config::is_section(generic) &&
            !config::is_sequence(generic))
            return complain({"there is no setting " + word}, EX_USAGE);
        for (const auto& setting : all)
            if (asked_for(setting.name, word)) {
                print(setting, a.json);
                any = any || setting.value;
            }
    }
    return any ? EX_OK : no_value;
}

}  // namespace

int show_config(int argc, const char* const* argv)
{
    Arguments a;
    CLI::App app{"Prints each setting with its value and where it comes from.",
                 "postern config"};
    add_config_options(app, a.common);
    app.add_flag("--json", a.json, "print a JSON object a setting");
    app.add_option("name", a.names,
                   "a setting or a section, say relay.login (default: all)");
    if (const auto code = parse_arguments(app, argc, argv))
        return *code;
    const auto loaded = load_config(a.common);
    if (!loaded.config)
        return complain(loaded.problems, EX_CONFIG);
    const auto all = config::effective(*loaded.config);
    if (!a.names.empty())
        return show_some(all, a);
    if (!a.json)
        std::cout << config::print_effective(*loaded.config);
    else
        for (const auto& setting : all)
            print(setting, true);
    return EX_OK;
}

}  // namespace milters::postern
