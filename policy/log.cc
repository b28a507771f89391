#include "policy/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace policy {
namespace {

/// Under systemd syslog and standard error lead to the same journal.
bool stderr_is_the_journal()
{
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat st {};
    return stream && ::fstat(STDERR_FILENO, &st) == 0 &&
           std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino) ==
               stream;
}

constexpr const char* hex = "0123456789abcdef";

void append_escaped(std::string& out, unsigned char c)
{
    out += '\\';
    switch (c) {
        case '\n':
            out += 'n';
            return;
        case '\r':
            out += 'r';
            return;
        case '\t':
            out += 't';
            return;
        case '\\':
            out += '\\';
            return;
        default:
            out += 'x';
            out += hex[c >> 4U];
            out += hex[c & 15U];
    }
}

int severity_of(Log::Level level)
{
    switch (level) {
        case Log::Level::error:
            return LOG_ERR;
        case Log::Level::warning:
            return LOG_WARNING;
        case Log::Level::info:
            return LOG_INFO;
        case Log::Level::debug:
            break;
    }
    return LOG_DEBUG;
}

/// What syslog(3) has in a variable of its own: whose name and facility it
/// writes.  The name must outlive its use.
struct Syslog {
    std::mutex mutex;
    const void* owner = nullptr;
};

Syslog& the_syslog()
{
    static Syslog* const one = new Syslog;  // used to the last line
    return *one;
}

std::int64_t monotonic_seconds()
{
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// One write(2), so that lines of several writers do not mix.
ssize_t write_once(int fd, std::string_view bytes)
{
    ssize_t n = 0;
    do
        n = ::write(fd, bytes.data(), bytes.size());
    while (n < 0 && errno == EINTR);
    return n;
}

}  // namespace

std::string printable(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < ' ' || byte > '~' || byte == '\\')
            append_escaped(out, byte);
        else
            out += c;
    }
    return out;
}

Fields& Fields::add(std::string_view key, std::string_view value)
{
    if (!text_.empty())
        text_ += ' ';
    text_ += key;
    text_ += '=';
    std::string clean = printable(value);
    if (!clean.empty() && clean.find_first_of(" \",") == std::string::npos) {
        text_ += clean;
        return *this;
    }
    text_ += '"';
    for (const char c : clean)
        if (c == '"')
            text_ += "\\\"";
        else
            text_ += c;
    text_ += '"';
    return *this;
}

Fields& Fields::add_if(std::string_view key, std::string_view value)
{
    return value.empty() ? *this : add(key, value);
}

Fields& Fields::say(std::string_view words)
{
    if (!text_.empty())
        text_ += ' ';
    text_ += words;
    return *this;
}

Fields& operator<<(Fields& out, const Decision& decision)
{
    out.add("verdict", name_of(decision.verdict));
    out.add("stage", name_of(decision.stage));
    if (decision.verdict != Verdict::accept)
        out.add("reply", std::to_string(decision.reply.code) + " " +
                             decision.reply.enhanced + " " +
                             decision.reply.text);
    return out.add("rule", decision.why.rule)
        .add_if("source", decision.why.source)
        .add_if("key", decision.why.key)
        .add_if("value", decision.why.value);
}

int facility_of(std::string_view name)
{
    static constexpr std::array<std::pair<std::string_view, int>, 12> all{
        {{"mail", LOG_MAIL},
         {"daemon", LOG_DAEMON},
         {"auth", LOG_AUTH},
         {"user", LOG_USER},
         {"local0", LOG_LOCAL0},
         {"local1", LOG_LOCAL1},
         {"local2", LOG_LOCAL2},
         {"local3", LOG_LOCAL3},
         {"local4", LOG_LOCAL4},
         {"local5", LOG_LOCAL5},
         {"local6", LOG_LOCAL6},
         {"local7", LOG_LOCAL7}}};
    for (const auto& [word, facility] : all)
        if (word == name)
            return facility;
    return LOG_MAIL;
}

Log::Level Log::level_of(std::string_view name)
{
    if (name == "error")
        return Level::error;
    if (name == "warning")
        return Level::warning;
    return name == "debug" ? Level::debug : Level::info;
}

Log::Log(Options options)
    : ident_{std::move(options.ident)},
      facility_{facility_of(options.facility)},
      to_stderr_{options.to_stderr && !stderr_is_the_journal()},
      level_{options.level},
      path_{std::move(options.decisions)}
{
    {
        const std::lock_guard lock{the_syslog().mutex};
        ::openlog(ident_.c_str(), LOG_PID | LOG_NDELAY, facility_);
        the_syslog().owner = this;
    }
    const std::lock_guard lock{mutex_};
    open_decisions();
}

Log::~Log()
{
    {
        const std::lock_guard lock{the_syslog().mutex};
        ::closelog();
        the_syslog().owner = nullptr;
    }
    if (fd_ >= 0)
        ::close(fd_);
}

void Log::to_syslog(Level level, const std::string& line) const
{
    const std::lock_guard lock{the_syslog().mutex};
    if (the_syslog().owner != this)
        ::openlog(ident_.c_str(), LOG_PID | LOG_NDELAY, facility_);
    the_syslog().owner = this;
    ::syslog(severity_of(level), "%s", line.c_str());
}

void Log::line(Level level, std::string_view id, std::string_view text)
{
    if (!wants(level))
        return;
    std::string line{id};
    line += id.empty() ? "" : ": ";
    line += text;
    for (auto& c : line)
        if (static_cast<unsigned char>(c) < ' ' || c == '\x7f')
            c = '?';
    to_syslog(level, line);
    if (to_stderr_)
        write_once(STDERR_FILENO, ident_ + ": " + line + "\n");
}

bool Log::decision(std::string_view json)
{
    if (!wants_decisions())
        return true;
    const std::lock_guard lock{mutex_};
    if (fd_ < 0)
        open_decisions();
    if (fd_ < 0)
        return false;
    // A line that a full disk cut short is ended first.
    std::string bytes{torn_ ? "\n" : ""};
    bytes += json;
    bytes += '\n';
    const auto n = write_once(fd_, bytes);
    if (n == static_cast<ssize_t>(bytes.size())) {
        torn_ = false;
        return true;
    }
    complain(path_ + ": " + (n < 0 ? std::strerror(errno) : "disk full"));
    torn_ = torn_ || n > 0;
    return false;
}

void Log::reopen(Level level, const std::string& decisions)
{
    level_ = level;
    const std::lock_guard lock{mutex_};
    path_ = decisions;
    if (fd_ >= 0)
        ::close(fd_);
    fd_ = -1;
    torn_ = false;
    open_decisions();
}

void Log::open_decisions()
{
    wants_decisions_ = !path_.empty();
    if (path_.empty())
        return;
    // O_NONBLOCK: a pipe that nobody reads must not hold up mail.
    fd_ = ::open(path_.c_str(),
                 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
    if (fd_ < 0)
        complain(path_ + ": " + std::strerror(errno));
}

void Log::complain(const std::string& text)
{
    constexpr std::int64_t quiet_seconds = 60;
    const auto now = monotonic_seconds();
    if (last_complaint_ != 0 && now - last_complaint_ < quiet_seconds)
        return;
    last_complaint_ = now;
    line(Level::error, "", "decision log " + printable(text));
}

}  // namespace policy
