// SHA-256, fed in pieces.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace policy::scan {

using Digest = std::array<std::uint8_t, 32>;

/// Hashes what is fed to it.  One thread at a time.
class Sha256 {
public:
    Sha256();

    void update(std::string_view bytes);
    /// The digest; after that only destruction is allowed.
    Digest finish();

    static Digest of(std::string_view bytes);

private:
    struct Free {
        void operator()(void* context) const noexcept;
    };
    std::unique_ptr<void, Free> context_;
};

/// For unordered containers: a digest is its own hash.
struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept;
};

}  // namespace policy::scan
