// The K lines of a sendmail.cf, asked by its rulesets.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/map/map.h"
#include "policy/result.h"
#include "policy/sendmail/cf.h"
#include "policy/text_file.h"

namespace policy::sendmail {

/// A user of the host.
struct Account {
    std::string name;
    std::string home;
    uid_t uid = 0;
    gid_t gid = 0;
    bool shell_ok = true;  ///< of /etc/shells: may run programs, write files
};

/// What maps ask of the host.
struct LookupWorld {
    std::function<std::unique_ptr<map::Source>(const std::string& path,
                                               bool optional)>
        open = map::open_file;
    /// Text of a file that a map of kind text is in.
    std::function<Result<std::string>(const std::string& path)> text =
        text_of_file;
    std::function<std::optional<Account>(const std::string& name)> account;
    /// The full name that DNS has for a host; nullopt if it knows none.
    std::function<std::optional<std::string>(const std::string& name)>
        canonical;
};

/// A question that a map has answered.
struct Found {
    const Map& map;
    std::string key;
    std::string value;
};

/// Maps by name.  Files are read as they are at each question.  Not for use
/// by two threads.
class Lookups {
public:
    /// @param seen  is told of each entry that a map file had
    Lookups(const Cf& cf, LookupWorld world,
            std::function<void(const Found&)> seen);

    /// What `$(name key $@ arguments...$)` becomes; nullopt: the map has
    /// nothing.  An error where a map cannot be read, where there is none of
    /// that name, or where its kind is not followed.
    Result<std::optional<std::string>> ask(
        std::string_view name, const std::string& key,
        const std::vector<std::string>& arguments) const;

    /// The same of one map.
    Result<std::optional<std::string>> ask(
        const Map& map, const std::string& key,
        const std::vector<std::string>& arguments) const;

    /// What joins the words of a key: -s, else `otherwise`.
    char blank_of(std::string_view name, char otherwise) const;

private:
    Result<std::optional<std::string>> file(
        const Map& map, const std::string& key,
        const std::vector<std::string>& arguments) const;
    Result<std::optional<std::string>> text(
        const Map& map, const std::string& key,
        const std::vector<std::string>& arguments) const;
    Result<std::optional<std::string>> sequence(
        const Map& map, const std::string& key,
        const std::vector<std::string>& arguments) const;
    std::optional<std::string> user(const Map& map,
                                    const std::string& key) const;
    std::optional<std::string> host(const Map& map,
                                    const std::string& key) const;

    std::map<std::string, Map, std::less<>> maps_;
    LookupWorld world_;
    std::function<void(const Found&)> seen_;
};

/// Puts `arguments` (the key is %0) in the place of %0 ... %9 of a value; %%
/// is %.  Pure.
std::string filled(std::string_view value,
                   const std::vector<std::string>& arguments);

/// The value of a key in a file of columns: `-k0 -v1 -z:` of a map of kind
/// text.  Lines that begin with # are remarks; keys are compared in any case.
/// Pure.
/// @param delimiter  between columns; NUL: blanks
std::optional<std::string> in_columns(std::string_view text,
                                      std::string_view key,
                                      std::size_t key_column,
                                      std::size_t value_column, char delimiter);

/// What the map `dequote` makes of a text; nullopt where it has no quotes, or
/// needs them.  Pure.
std::optional<std::string> dequoted(std::string_view text, char blank);

/// What the map `arith` makes of `l`, `=`, `+`, `-`, `*`, `/`, `|`, `&`, `%`
/// and two numbers.  Pure.
std::optional<std::string> computed(std::string_view operation,
                                    const std::vector<std::string>& arguments);

}  // namespace policy::sendmail
