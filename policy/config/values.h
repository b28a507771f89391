// What a configuration file says, checked against the table of keys: every
// setting with its value, typed, and the line it was read from.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "policy/address.h"
#include "policy/config/keys.h"
#include "policy/config/socket_spec.h"
#include "policy/result.h"

namespace policy::config {

using Milliseconds = std::chrono::milliseconds;

/// The value of one setting.  text, path and choice are a string; listen is a
/// SocketSpec; size, count and mode are a number.
using Value =
    std::variant<std::string, SocketSpec, Milliseconds, std::int64_t, bool,
                 std::vector<std::string>, std::vector<Network>>;

/// What went wrong, each with `file:line: ` in front where a line is known.
using Problems = std::vector<std::string>;

/// Reads one scalar as the file has it.  REQUIRES a key that is no list.
/// The error has neither file nor the key's name.
Result<Value> parse_scalar(const Key& key, const std::string& text);

/// Reads the members of a list or of networks.
Result<Value> parse_list(const Key& key, const std::vector<std::string>& items);

/// The default of the table.  REQUIRES a table that unit tests have checked.
Value default_of(const Key& key);

/// As it would be written in the file: `30m`, `[PLAIN, LOGIN]`, `0660`.
std::string text_of(const Key& key, const Value& value);

/// Settings by name.  Members of a sequence are named with their index:
/// `relay.login.follow[0].file`.
class Values {
public:
    /// @param file  for messages only
    explicit Values(std::string file) : file_{std::move(file)} {}

    void set(const std::string& name, Value value, int line);

    /// Whether the file itself sets it.
    bool given(const std::string& name) const;

    /// `file:line` of the setting, or where it has its default `file`, for a
    /// member of a sequence with the line on which that begins; `command line`
    /// where it was set there (line 0).
    std::string place(const std::string& name) const;

    /// The value or its default.  A name that is not in the table, or of
    /// another type, is a broken invariant and throws std::logic_error.
    template <class T>
    T get(const std::string& name) const
    {
        const Value found = value(name);
        if (const T* typed = std::get_if<T>(&found))
            return *typed;
        wrong_type(name);
    }

    /// The same, of any type.
    Value value(const std::string& name) const;

    /// How many members a sequence has.
    std::size_t count(const std::string& sequence) const;

private:
    struct Entry {
        Value value;
        int line;
    };

    std::string place_of_member(const std::string& name) const;
    [[noreturn]] static void wrong_type(const std::string& name);

    std::string file_;
    std::map<std::string, Entry> entries_;
};

/// `relay.login.follow[0].file` -> `relay.login.follow[].file`.
std::string generic_name(std::string_view name);

/// Reads YAML text.  Every mistake is reported: a key that the table does not
/// know, a doubled key, a value of the wrong type or out of bounds; YAML that
/// cannot be parsed is one mistake.
/// @param file  for messages
/// @return whatever could be read; it counts only if `problems` stays empty
Values parse(const std::string& text, const std::string& file,
             Problems& problems);

}  // namespace policy::config
