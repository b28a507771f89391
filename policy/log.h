// What is written down: lines in syslog (and on stderr in the foreground),
// and the file of decisions.  Nothing that a client sends can forge a line.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "policy/decision.h"

namespace policy {

/// `text` with control bytes, backslashes and bytes above 126 as \xHH or
/// \n, \r, \t, \\: one line, ASCII, and the bytes can be told again.
std::string printable(std::string_view text);

/// `key=value` pairs for a log line.  A value that is empty or has a blank, a
/// quote or a comma in it is quoted, so that pairs cannot be smuggled in.
class Fields {
public:
    Fields& add(std::string_view key, std::string_view value);
    /// Nothing is added for an empty value.
    Fields& add_if(std::string_view key, std::string_view value);
    /// A bare word or sentence of our own.
    Fields& say(std::string_view words);
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

/// verdict, stage, reply, rule, source, key and value of a decision.
Fields& operator<<(Fields& out, const Decision& decision);

/// The log of a program.  Any thread may write.  A process that is several
/// programs in one has a log for each name: lines of all take their turns,
/// since syslog(3) knows one name at a time.
class Log {
public:
    enum class Level { error, warning, info, debug };

    struct Options {
        std::string ident;  ///< program name
        std::string facility = "mail";
        Level level = Level::info;
        bool to_stderr = false;
        std::string decisions{};  ///< file; empty: none
    };

    explicit Log(Options options);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    /// Writes `id: text`, or `text` if there is no id.  Control bytes that
    /// should not be there are escaped once more.
    void line(Level level, std::string_view id, std::string_view text);

    bool wants(Level level) const { return level <= level_.load(); }

    /// Appends one line, a JSON object, to the file of decisions.  A failure
    /// (full disk, folder gone) is told in syslog once a minute and never
    /// holds up mail.  @return whether it was written, or no file is wanted
    bool decision(std::string_view json);
    bool wants_decisions() const { return wants_decisions_.load(); }

    /// Takes over level and file of a new configuration, and opens the file
    /// anew, so that rotation by rename works.
    void reopen(Level level, const std::string& decisions);

    static Level level_of(std::string_view name);  ///< unknown: info

private:
    void to_syslog(Level level, const std::string& line) const;
    void open_decisions();
    void complain(const std::string& text);

    std::string ident_;
    int facility_;
    bool to_stderr_;
    std::atomic<Level> level_;
    std::atomic<bool> wants_decisions_{false};
    std::mutex mutex_;  ///< guards the four below
    std::string path_;
    int fd_ = -1;
    bool torn_ = false;  ///< the last line was not written to its end
    std::int64_t last_complaint_ = 0;
};

/// The global severity names of syslog(3) by our facility names.
int facility_of(std::string_view name);

}  // namespace policy
