// A message as it comes from the MTA, gathered into the text that recipes see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "policy/recipe/message.h"

namespace milters::filter {

/// Header fields and body chunks, LF line ends.
class Gathered {
public:
    explicit Gathered(std::uint64_t max_bytes) : max_bytes_{max_bytes} {}

    /// `value` as libmilter has it: without the blank behind the colon.
    void header(std::string_view name, std::string_view value);
    void body(std::string_view chunk);

    /// More bytes than allowed came; the text is not complete.
    bool oversize() const { return size_ > max_bytes_; }
    std::uint64_t size() const { return size_; }
    /// How many fields of this name there are; case does not matter.
    int count(const std::string& name) const;

    /// The whole message behind `from_line`.
    std::shared_ptr<const policy::recipe::Message> whole(
        const std::string& from_line) const;

private:
    void append(std::string& to, std::string_view bytes);

    std::uint64_t max_bytes_;
    std::uint64_t size_ = 0;
    std::string header_, body_;
    bool carriage_ = false;  ///< the last chunk ended in CR
    std::map<std::string, int> counts_;
};

/// LF line ends to CRLF, for the body of another message.
std::string with_crlf(std::string_view text);

}  // namespace milters::filter
