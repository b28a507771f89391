// Asks relay-milter through its control socket.
#pragma once

#include <chrono>
#include <string>

#include "milters/control/protocol.h"
#include "policy/result.h"

namespace milters::control {

/// A connection; used by one thread.  Move-only.
class Client {
public:
    /// @param timeout  for each step of each question
    /// @return Errc::gone    nobody listens there
    ///         Errc::denied  the socket's mode does not let us
    static policy::Result<Client> connect(const std::string& path,
                                          std::chrono::milliseconds timeout);
    Client(Client&& other) noexcept;
    Client& operator=(Client&&) = delete;
    ~Client();

    /// @return the answer, whatever it says; Errc::timeout or Errc::io when
    ///         there is none, Errc::format when it is no JSON object
    policy::Result<Json> ask(const Json& request);

private:
    Client(int fd, std::string path);
    policy::Error error(int number) const;

    int fd_;
    std::string path_;
    std::string input_;  ///< received, not yet a whole line
};

}  // namespace milters::control
