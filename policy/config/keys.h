// The one table of what postern.yaml may say.  The parser, the checks, the
// printing of a configuration and the test of the manual page all live by it:
// a new setting is a new line in keys.cc and a member in config.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace policy::config {

/// What a value looks like in the file.
enum class Type {
    text,      ///< any scalar
    path,      ///< absolute path of a file or folder
    socket,    ///< libmilter notation, or none
    listen,    ///< host:port, or as socket
    duration,  ///< 90s, 30m, 1h30m, 30d, 500ms; plain 0
    size,      ///< bytes; 512K, 10M, 2G
    count,     ///< a whole number
    boolean,   ///< true, false, yes, no, on, off
    choice,    ///< one word of `choices`
    mode,      ///< permission bits in octal
    list,      ///< a sequence of scalars, or one scalar
    networks,  ///< a list of addresses and networks
};

/// One setting.  `name` is dotted; `[]` in it stands for each member of a
/// sequence of mappings.
struct Key {
    std::string_view name;
    Type type;
    /// As it would be written in the file.  Empty: see `about`.
    std::string_view fallback;
    /// Bounds, both included: milliseconds, bytes, or the number itself.
    std::int64_t min = 0;
    std::int64_t max = 0;
    /// Words of a choice, or of the members of a list, separated by blanks;
    /// empty: anything.
    std::string_view choices{};
    std::string_view about;
    /// Read at start only: a reload keeps the old value and says so.
    bool at_start = false;
};

/// Every setting; those of a section stand together.
std::span<const Key> keys();

/// nullptr if there is no such setting.
const Key* find_key(std::string_view name);

/// Whether `name` is a section, such as `relay.login`.
bool is_section(std::string_view name);

/// Whether `name` is a sequence of mappings, such as `relay.login.follow`.
bool is_sequence(std::string_view name);

/// "duration", "list", ... for messages and the manual page.
const char* name_of(Type type);

}  // namespace policy::config
