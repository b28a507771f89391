// What filter-milter asks the process that starts programs.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace milters::filter {

/// Bytes of a request: words and what ends them.
inline constexpr std::size_t most_request_bytes = 32 * 1024;

/// Files that go with a request: standard input, standard output, and where
/// the exit code is written, in decimal.
using RequestFiles = std::array<int, 3>;

/// A request: milliseconds, then the words, each ended by NUL.
std::string packed(const std::vector<std::string>& words,
                   std::chrono::milliseconds limit);

bool send_request(int socket, const std::string& bytes,
                  const RequestFiles& files);

/// Length of the request, 0 at the end, -1 for one that is not whole.
ssize_t receive_request(int socket, char* bytes, std::size_t room,
                        RequestFiles& files);

}  // namespace milters::filter
