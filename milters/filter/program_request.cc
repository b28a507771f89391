#include "milters/filter/program_request.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace milters::filter {
namespace {

using Control = std::array<char, CMSG_SPACE(sizeof(RequestFiles))>;

}  // namespace

std::string packed(const std::vector<std::string>& words,
                   std::chrono::milliseconds limit)
{
    std::string out = std::to_string(limit.count()) + '\0';
    for (const std::string& word : words)
        out += word + '\0';
    return out;
}

bool send_request(int socket, const std::string& bytes,
                  const RequestFiles& files)
{
    alignas(cmsghdr) Control control{};
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof files);
    std::memcpy(CMSG_DATA(head), files.data(), sizeof files);
    ssize_t n = 0;
    do
        n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == static_cast<ssize_t>(bytes.size());
}

ssize_t receive_request(int socket, char* bytes, std::size_t room,
                        RequestFiles& files)
{
    alignas(cmsghdr) Control control{};
    iovec part{bytes, room};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t n = 0;
    do
        n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return 0;
    const cmsghdr* const head = CMSG_FIRSTHDR(&message);
    if (!head || head->cmsg_len != CMSG_LEN(sizeof files))
        return -1;
    std::memcpy(files.data(), CMSG_DATA(head), sizeof files);
    return n;
}

}  // namespace milters::filter
