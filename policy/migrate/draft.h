// A configuration of ours that comes into being from somebody else's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policy/config/values.h"

namespace policy::migrate {

/// One line of the other program's configuration.
struct Line {
    std::string file;
    int number = 0;       ///< from 1; 0: a default of that program
    std::string section;  ///< [section] in front of it; empty: none
    std::string key;
    std::string value;

    /// `file:line`, or `file` for a default.
    std::string place() const;
    /// `key=value`.
    std::string text() const { return key + "=" + value; }
};

/// What could not be carried over.
struct Left {
    Line line;
    std::string why;
};

/// Why an exemption of senders is left.
inline constexpr const char* exempts_senders =
    "anybody can write that sender: the group needs networks, users or "
    "direction: out, and scan: no";

/// Settings as they are collected, each with the line that it is from.
class Draft {
public:
    /// Sets one of ours.  A value that our table does not allow is left, with
    /// the reason.  `name` must be in the table.
    void set(const std::string& name, const std::string& value,
             const Line& line);

    /// Appends to a list of ours.
    void append(const std::string& name, const std::string& value,
                const Line& line);

    /// Notes that `line` has no counterpart.
    void leave(const Line& line, std::string why);

    bool has(const std::string& name) const { return values_.given(name); }
    /// Index of the next member of a sequence: virus.groups.
    std::string next(const std::string& sequence) const;

    /// The settings as postern.yaml, each with its line as a remark.
    /// @param problems  what our own reader would complain of
    std::string yaml(config::Problems& problems) const;

    const std::vector<Left>& left() const { return left_; }

private:
    void store(const std::string& name, Result<config::Value> value,
               const Line& line);

    config::Values values_{"import"};
    std::map<std::string, std::vector<std::string>> lists_;
    std::map<std::string, std::string> origins_;
    std::vector<Left> left_;
};

}  // namespace policy::migrate
