// The variables of a run: procmail's environment.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace policy::recipe {

class Variables {
public:
    /// Value, nullopt if not set.  The view lives until the next change.
    std::optional<std::string_view> get(std::string_view name) const;
    /// Value, "" if not set.
    std::string_view value(std::string_view name) const
    {
        return get(name).value_or(std::string_view{});
    }
    /// False, and nothing changes, if a limit would be passed.
    bool set(std::string_view name, std::string_view value);
    void unset(std::string_view name);

    const std::map<std::string, std::string, std::less<>>& all() const
    {
        return values_;
    }

private:
    std::map<std::string, std::string, std::less<>> values_;
    std::size_t bytes_ = 0;
};

/// procmail's numbers and booleans: a decimal number, else by first letters
/// on y t e = 1, off n f d = 0, a = 2, else `otherwise`.
long to_number(std::string_view text, long otherwise);

}  // namespace policy::recipe
