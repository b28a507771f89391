// Which lines of a log are logins: built-in formats of the known servers, and
// pattern files.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "milters/login/log_pattern.h"
#include "policy/clock.h"
#include "policy/result.h"

namespace milters::login {

/// A login that a line, or two, told of.
struct LogLogin {
    std::string ip, user, service;
    policy::Seconds stamp{};
    std::string method;  ///< empty where the line does not tell it
};

/// A set of patterns.  Immutable; shared by any threads.
///
/// Text form, one rule a line, `#` begins a comment line:
///
///     service pop3          service of the rules below without {service}
///     login PATTERN         this line is a login; needs {ip}
///     session PATTERN       somebody has connected; needs {ip} and {pid}
///     passed PATTERN        the session of this {pid} has logged in
///     event PATTERN         ends in {json}: Dovecot's exported event
///
/// The first rule that matches a line decides.
class LogFormat {
public:
    /// A built-in format by name, or a pattern file by a path with `/`.  An
    /// error names the file and line, or the names there are.
    static policy::Result<std::shared_ptr<const LogFormat>> make(
        const std::string& name_or_path);
    /// @param name  for messages: the file
    static policy::Result<std::shared_ptr<const LogFormat>> from_text(
        std::string_view text, const std::string& name);

    /// Names of the built-in formats.
    static std::vector<std::string> names();

private:
    friend class LogReader;
    enum class Rule { login, session, passed, event };
    struct Entry {
        Rule rule;
        LogPattern pattern;
        std::string service;
    };
    static std::optional<Rule> rule_of(std::string_view verb);
    /// The field that a rule of this kind must have and has not.
    static const char* missing(Rule rule, const LogPattern& pattern);

    std::vector<Entry> entries_;
};

/// Reads the lines of one log in order.  Remembers sessions whose login comes
/// in a second line.  One thread.
class LogReader {
public:
    explicit LogReader(std::shared_ptr<const LogFormat> format)
        : format_{std::move(format)}
    {
    }

    /// @param line  without newline; of any octets
    /// @param now   to find the year of a stamp
    std::optional<LogLogin> read(std::string_view line, policy::Seconds now);

    /// Sessions remembered; the oldest is forgotten beyond that.
    static constexpr std::size_t max_sessions = 10'000;

private:
    std::optional<LogLogin> apply(const LogFormat::Entry& entry, LogFields f);
    void remember(const std::string& key, const std::string& ip);

    struct Session {
        std::string ip;
        std::uint64_t serial = 0;
    };
    std::shared_ptr<const LogFormat> format_;
    std::map<std::string, Session, std::less<>> sessions_;  ///< by host/pid
    std::deque<std::pair<std::string, std::uint64_t>> order_;
    std::uint64_t serial_ = 0;
};

}  // namespace milters::login
