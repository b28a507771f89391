// Packets with an open file beside them, between a scanner and its client.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "policy/result.h"

namespace milters::scanner {

/// An open file, closed with its owner.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_{fd} {}
    Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Fd& operator=(Fd&& other) noexcept
    {
        reset(std::exchange(other.fd_, -1));
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1);

private:
    int fd_ = -1;
};

/// What was received.
struct Packet {
    std::string text;
    Fd file;  ///< none if none was sent
};

/// A pair of connected SOCK_SEQPACKET sockets, closed on exec.
policy::Result<std::pair<Fd, Fd>> make_channel();

/// Sends one packet, waiting as long as the buffer is full.
/// @param file  an open file to hand over, or -1
policy::Status send_packet(int socket, std::string_view text, int file = -1);

/// Receives one packet.  Errc::timeout if none comes in time (a negative
/// `limit` waits for ever), Errc::gone if the other side has closed.
policy::Result<Packet> receive_packet(int socket,
                                      std::chrono::milliseconds limit);

}  // namespace milters::scanner
