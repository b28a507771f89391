#include "policy/migrate/draft.h"

#include <stdexcept>

#include "policy/config/effective.h"

namespace policy::migrate {
namespace {

const config::Key& key_of(const std::string& name)
{
    const auto* key = config::find_key(config::generic_name(name));
    if (!key)
        throw std::logic_error("no setting " + name);
    return *key;
}

bool is_list(const config::Key& key)
{
    return key.type == config::Type::list || key.type == config::Type::networks;
}

}  // namespace

std::string Line::place() const
{
    return number ? file + ":" + std::to_string(number) : file;
}

void Draft::store(const std::string& name, Result<config::Value> value,
                  const Line& line)
{
    if (!value)
        return leave(line, name + ": " + value.error().text);
    values_.set(name, std::move(*value), line.number);
    origins_[name] = line.place();
}

void Draft::set(const std::string& name, const std::string& value,
                const Line& line)
{
    const auto& key = key_of(name);
    store(name,
          is_list(key) ? config::parse_list(key, {value})
                       : config::parse_scalar(key, value),
          line);
}

void Draft::append(const std::string& name, const std::string& value,
                   const Line& line)
{
    auto items = lists_[name];
    items.push_back(value);
    auto read = config::parse_list(key_of(name), items);
    if (read)
        lists_[name] = std::move(items);
    store(name, std::move(read), line);
}

void Draft::leave(const Line& line, std::string why)
{
    left_.push_back({line, std::move(why)});
}

std::string Draft::next(const std::string& sequence) const
{
    return sequence + "[" + std::to_string(values_.count(sequence)) + "].";
}

std::string Draft::yaml(config::Problems& problems) const
{
    const auto loaded = config::assemble(values_, {});
    problems = loaded.problems;
    if (!loaded.config)
        return {};
    std::vector<config::Setting> given;
    for (auto& setting : config::effective(*loaded.config)) {
        const auto origin = origins_.find(setting.name);
        if (origin == origins_.end())
            continue;
        setting.origin = origin->second;
        given.push_back(std::move(setting));
    }
    return config::print_settings(given);
}

}  // namespace policy::migrate
