// Postfix's main.cf and master.cf: what other programs of a mail host need to
// know of them.  Source: postconf(5), master(5).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/result.h"

namespace policy::postfix {

/// `name = value`, in main.cf or behind -o in master.cf.
struct Setting {
    std::string file;
    int line = 0;  ///< from 1; 0: Postfix's default
    std::string value;
};

/// The settings that hold for a server.  A value.
class Settings {
public:
    /// Errc::io where the file cannot be read.
    static Result<Settings> read(const std::string& path);

    /// From the text of a main.cf; `path` is for messages.
    static Settings parse(std::string_view text, const std::string& path);

    /// The same with others in their place.
    Settings with(const std::map<std::string, Setting>& others) const;

    /// As it is written; else the default of those settings that are asked
    /// here, else empty.  The last of a name counts.
    Setting raw(const std::string& name) const;

    /// With $name, ${name} and $(name) replaced, ${name?text} and
    /// ${name:text} chosen.
    std::string value(const std::string& name) const;

    /// Words of a value: divided by commas and blanks, `{ ... }` kept together
    /// without its brackets.
    std::vector<std::string> words(const std::string& name) const;

    bool yes(const std::string& name) const { return value(name) == "yes"; }

    /// Every setting of the file.
    const std::map<std::string, Setting>& all() const { return settings_; }

private:
    std::string expanded(std::string_view text, int depth) const;
    std::string reference(std::string_view text, int depth) const;

    std::map<std::string, Setting> settings_;
};

/// A line of master.cf.
struct Service {
    int line = 0;
    std::string name;  ///< smtp, submission, 127.0.0.1:25
    std::string type;  ///< inet, unix, ...
    char chroot = '-';
    std::string command;                       ///< smtpd
    std::map<std::string, Setting> overrides;  ///< -o
};

/// Errc::io where the file cannot be read.
Result<std::vector<Service>> read_services(const std::string& path);

/// The services in the text of a master.cf.  Pure.
std::vector<Service> parse_services(std::string_view text,
                                    const std::string& path);

/// A text in words, as Settings::words().  Pure.
std::vector<std::string> words_of(std::string_view text);

}  // namespace policy::postfix
