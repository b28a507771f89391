#include "milters/login/log_stamp.h"

#include <array>
#include <ctime>

namespace milters::login {
namespace {

constexpr std::chrono::hours day{24};

/// Reads forward; every reader moves on only if it succeeds.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_{text} {}

    bool literal(char c)
    {
        if (at_ >= text_.size() || text_[at_] != c)
            return false;
        ++at_;
        return true;
    }

    /// Exactly `digits` digits.
    std::optional<int> number(std::size_t digits)
    {
        int value = 0;
        if (text_.size() - at_ < digits)
            return std::nullopt;
        for (std::size_t i = at_; i < at_ + digits; ++i) {
            if (text_[i] < '0' || text_[i] > '9')
                return std::nullopt;
            value = value * 10 + (text_[i] - '0');
        }
        at_ += digits;
        return value;
    }

    std::optional<int> month()
    {
        constexpr std::string_view names =
            "JanFebMarAprMayJunJulAugSepOctNovDec";
        const auto name = text_.substr(at_, 3);
        for (std::size_t i = 0; i < names.size(); i += 3)
            if (names.substr(i, 3) == name) {
                at_ += 3;
                return static_cast<int>(i / 3);
            }
        return std::nullopt;
    }

    void skip_digits()
    {
        while (number(1)) {
        }
    }

    std::size_t at() const { return at_; }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

bool read_clock(Cursor& in, std::tm& tm)
{
    const auto hour = in.number(2);
    if (!hour || !in.literal(':'))
        return false;
    const auto minute = in.number(2);
    if (!minute || !in.literal(':'))
        return false;
    const auto second = in.number(2);
    if (!second || *hour > 23 || *minute > 59 || *second > 60)
        return false;
    tm.tm_hour = *hour;
    tm.tm_min = *minute;
    tm.tm_sec = *second;
    return true;
}

bool day_exists(const std::tm& tm)
{
    const std::chrono::year_month_day ymd{
        std::chrono::year{tm.tm_year + 1900},
        std::chrono::month{static_cast<unsigned>(tm.tm_mon + 1)},
        std::chrono::day{static_cast<unsigned>(tm.tm_mday)}};
    return ymd.ok();
}

std::optional<policy::Seconds> local_time(std::tm tm)
{
    if (!day_exists(tm))
        return std::nullopt;
    tm.tm_isdst = -1;
    const std::time_t t = mktime(&tm);
    return policy::Seconds{std::chrono::seconds{t}};
}

/// Offset from UTC of `Z`, `+hh:mm`, `+hhmm`; nullopt if none is there.
std::optional<std::chrono::minutes> read_zone(Cursor& in)
{
    if (in.literal('Z'))
        return std::chrono::minutes{0};
    const bool east = in.literal('+');
    if (!east && !in.literal('-'))
        return std::nullopt;
    const auto hours = in.number(2);
    in.literal(':');
    const auto minutes = hours ? in.number(2) : std::nullopt;
    if (!minutes)
        return std::nullopt;
    const std::chrono::minutes offset{*hours * 60 + *minutes};
    return east ? offset : -offset;
}

std::optional<policy::Seconds> read_iso(Cursor& in)
{
    std::tm tm{};
    const auto year = in.number(4);
    if (!year || !in.literal('-'))
        return std::nullopt;
    const auto month = in.number(2);
    if (!month || !in.literal('-'))
        return std::nullopt;
    const auto mday = in.number(2);
    if (!mday || !(in.literal('T') || in.literal(' ')) || !read_clock(in, tm))
        return std::nullopt;
    tm.tm_year = *year - 1900;
    tm.tm_mon = *month - 1;
    tm.tm_mday = *mday;
    if (in.literal('.') || in.literal(','))
        in.skip_digits();
    if (const auto zone = read_zone(in)) {
        if (!day_exists(tm))
            return std::nullopt;
        return policy::Seconds{std::chrono::seconds{timegm(&tm)}} - *zone;
    }
    return local_time(tm);
}

std::optional<policy::Seconds> read_syslog(Cursor& in, policy::Seconds now)
{
    std::tm tm{};
    const auto month = in.month();
    if (!month || !in.literal(' '))
        return std::nullopt;
    const auto mday = in.literal(' ') ? in.number(1) : in.number(2);
    if (!mday || !in.literal(' ') || !read_clock(in, tm))
        return std::nullopt;
    tm.tm_mon = *month;
    tm.tm_mday = *mday;
    std::tm present{};
    const std::time_t t = now.time_since_epoch().count();
    localtime_r(&t, &present);
    for (int year = present.tm_year + 1; year > present.tm_year - 9; --year) {
        tm.tm_year = year;
        const auto time = local_time(tm);
        if (time && *time <= now + day)
            return time;
    }
    return std::nullopt;
}

}  // namespace

std::optional<Stamp> read_stamp(std::string_view text, policy::Seconds now)
{
    Cursor in{text};
    const bool digit = !text.empty() && text[0] >= '0' && text[0] <= '9';
    const auto time = digit ? read_iso(in) : read_syslog(in, now);
    if (!time)
        return std::nullopt;
    return Stamp{*time, in.at()};
}

}  // namespace milters::login
