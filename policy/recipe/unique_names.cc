#include "policy/recipe/unique_names.h"

#include <cstddef>
#include <string_view>

namespace policy::recipe {
namespace {

constexpr std::string_view marks = ".,+%";

std::string in_base_64(long long value)
{
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    for (; value > 0; value /= 64)
        out += digits[static_cast<std::size_t>(value % 64)];
    return out;
}

}  // namespace

void UniqueNames::next()
{
    if (++serial_ < marks.size())
        return;
    if (now_ == stamp_)
        sleep(1);
    stamp_ = now_;
    serial_ = 0;
}

std::string UniqueNames::maildir()
{
    next();
    return std::to_string(stamp_) + "." + std::to_string(process_) + "_" +
           std::to_string(serial_) + "." + host_;
}

std::string UniqueNames::temporary()
{
    next();
    return "_" + in_base_64(process_) + marks[serial_] + in_base_64(stamp_) +
           "." + host_;
}

}  // namespace policy::recipe
