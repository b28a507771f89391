// A message as it arrives: its bytes go into memory that a scanner can be
// given, its hash is made on the way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milters/scanner/memfd.h"
#include "policy/scan/sha256.h"

namespace milters::virus {

/// What is hashed for the cache of verdicts.
enum class HashOf {
    body,  ///< the body, and the headers that tell how to read it
    full,  ///< all of the message
};

/// One message.  For one thread at a time.
class Message {
public:
    /// @param max_bytes  what lies beyond is not kept: oversize()
    Message(HashOf hash_of, std::uint64_t max_bytes);

    void header(std::string_view name, std::string_view value);
    void end_of_headers();
    void body(std::string_view chunk);

    /// Nothing more comes.  The error says why the message cannot be scanned.
    policy::Status finish();

    /// REQUIRES finish().
    const scanner::MemFile& file() const { return *file_; }
    std::uint64_t size() const { return size_; }
    bool oversize() const { return size_ > max_bytes_; }
    const policy::scan::Digest& digest() const { return digest_; }
    /// Of all of the message, whatever digest() is of.
    const policy::scan::Digest& full_digest() const { return full_digest_; }

    /// How many headers of a name there are; names without case.
    unsigned count(const std::string& name) const;
    /// Names in lower case, with how many there are of each.
    const std::map<std::string, unsigned>& headers() const { return counts_; }
    /// The first value of Subject.
    const std::optional<std::string>& subject() const { return subject_; }

    /// Whether lines end in other ways than CRLF: what is delivered may then
    /// not be what the scanner took it for.
    bool has_bare_ends() const { return bare_ends_; }
    /// The same with every CR, LF and CRLF as CRLF.  REQUIRES finish().
    policy::Result<scanner::MemFile> with_normal_ends() const;

    /// All bytes, with the line that we put on top.  REQUIRES finish().
    policy::Result<std::string> bytes() const;

private:
    void keep(std::string_view bytes);
    void hash(std::string_view bytes, bool tells_how_to_read);
    void watch_ends(std::string_view chunk);

    HashOf hash_of_;
    std::uint64_t max_bytes_;
    std::uint64_t size_ = 0;
    std::string buffer_;  ///< small pieces on their way into file_
    std::optional<scanner::MemFile> file_;
    std::string failure_;
    policy::scan::Sha256 sha_;
    policy::scan::Sha256 headers_sha_;
    policy::scan::Digest digest_{};
    policy::scan::Digest full_digest_{};
    std::map<std::string, unsigned> counts_;
    std::optional<std::string> subject_;
    char last_ = '\n';
    bool bare_ends_ = false;
};

/// The line on top by which libclamav knows a mail.
extern const std::string_view top_line;

/// A name of a header in lower case.
std::string lower(std::string_view name);

}  // namespace milters::virus
