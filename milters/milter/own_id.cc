#include "milters/milter/own_id.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace milters::milter {
namespace {

std::string base36(std::uint64_t n)
{
    constexpr const char* digits = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string text;
    do {
        text.insert(text.begin(), digits[n % 36]);
        n /= 36;
    } while (n > 0);
    return text;
}

/// Seconds and process at the first use; the process forks only before.
std::string prefix()
{
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
    return base36(static_cast<std::uint64_t>(now.count())) + "." +
           base36(static_cast<std::uint64_t>(getpid())) + ".";
}

}  // namespace

std::string own_id()
{
    static const std::string begin = prefix();
    static std::atomic<std::uint64_t> counter{0};
    return begin + base36(++counter);
}

}  // namespace milters::milter
