// An MTA that does nothing but ask a milter, on many connections at a time,
// from one thread.
//
//     bench-milter-load SOCKET CONNECTIONS SECONDS MESSAGES [MESSAGE]
//
// Each connection negotiates, says connect and HELO, and sends MESSAGES
// messages (MAIL, one RCPT, end) with the macros that sendmail sends; then a
// new one takes its place.  With a file MESSAGE its header and body go with
// each message, and MAIL gets no reply.  Prints one line of JSON:
//
//     {"connections": 8, "messages": 91234, "seconds": 3.0,
//      "messages_per_s": 30411.3}
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what)
{
    std::perror(what);
    std::exit(1);
}

std::string packet(char command, const std::string& data)
{
    const std::uint32_t size =
        htonl(static_cast<std::uint32_t>(data.size() + 1));
    std::string out(reinterpret_cast<const char*>(&size), sizeof size);
    return out + command + data;
}

/// name, value, name, value, each ended by NUL.
std::string macros(
    char command,
    std::initializer_list<std::pair<const char*, const char*>> all)
{
    std::string data(1, command);
    for (const auto& [name, value] : all) {
        data.append(name).push_back('\0');
        data.append(value).push_back('\0');
    }
    return packet('D', data);
}

std::string negotiation()
{
    std::string data;
    for (const std::uint32_t word : {6U, 0x1ffU, 0x1fffffU}) {
        const std::uint32_t wire = htonl(word);
        data.append(reinterpret_cast<const char*>(&wire), sizeof wire);
    }
    return packet('O', data);
}

/// What is said in a step, up to the reply that is waited for.
struct Script {
    std::string negotiate = negotiation();
    // Connect and HELO get no reply: they go with the first MAIL.
    std::string hello = macros('C', {{"j", "mx.example.org"},
                                     {"_", "client.example.net [192.0.2.4]"},
                                     {"{daemon_name}", "MTA"},
                                     {"{client_addr}", "192.0.2.4"},
                                     {"{client_name}", "client.example.net"},
                                     {"{client_ptr}", "client.example.net"},
                                     {"{client_resolve}", "OK"}}) +
                        packet('C', std::string("client.example.net\0004\0\x19"
                                                "192.0.2.4\0",
                                                32)) +
                        macros('H', {{"{verify}", "NONE"}}) +
                        packet('H', std::string("client.example.net\0", 19));
    std::string mail =
        macros('M', {{"i", "14ABCdef000001"},
                     {"{verify}", "NONE"},
                     {"{mail_addr}", "someone@example.net"}}) +
        packet('M', std::string("<someone@example.net>\0SIZE=1000\0", 32));
    std::string rcpt = macros('R', {{"i", "14ABCdef000001"},
                                    {"{rcpt_mailer}", "local"},
                                    {"{rcpt_addr}", "bob"}}) +
                       packet('R', std::string("<bob@example.org>\0", 18));
    std::string end = macros('E', {{"i", "14ABCdef000001"}}) + packet('E', "");
};

/// The packets of a message's header fields and body.
std::string message_packets(const char* path)
{
    std::ifstream in{path, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const std::size_t end = text.find("\n\n") + 1;
    std::string out, body;
    for (std::size_t at = 0; at < end;) {
        std::size_t newline = text.find('\n', at);
        while (text[newline + 1] == ' ' || text[newline + 1] == '\t')
            newline = text.find('\n', newline + 1);
        const std::size_t colon = text.find(':', at);
        out +=
            packet('L', text.substr(at, colon - at) + '\0' +
                            text.substr(colon + 2, newline - colon - 2) + '\0');
        at = newline + 1;
    }
    for (const char c : text.substr(end + 1))
        body += c == '\n' ? "\r\n" : std::string(1, c);
    for (std::size_t at = 0; at < body.size(); at += 65535)
        out += packet('B', body.substr(at, 65535));
    return out;
}

/// The script with a message in it: one step takes MAIL and RCPT.
Script with_message(const char* path)
{
    Script script;
    script.rcpt = script.mail + script.rcpt;
    script.mail.clear();
    script.end = message_packets(path) + script.end;
    return script;
}

class Connection {
public:
    Connection(const char* path, const Script& script, int messages)
        : path_{path}, script_{script}, messages_{messages}
    {
        open();
    }

    int fd() const { return fd_; }

    /// Something can be read.  @return messages done by it
    int readable()
    {
        char bytes[4096];
        const auto n = read(fd_, bytes, sizeof bytes);
        if (n <= 0)
            die("the milter closed the connection");
        input_.append(bytes, static_cast<std::size_t>(n));
        if (input_.size() < 4)
            return 0;
        std::uint32_t size = 0;
        std::memcpy(&size, input_.data(), sizeof size);
        if (input_.size() < 4 + ntohl(size))
            return 0;
        const char reply = input_[4];
        input_.erase(0, 4 + ntohl(size));
        if (reply != (step_ == Step::negotiate ? 'O' : 'c')) {
            std::fprintf(stderr, "unexpected reply %c\n", reply);
            std::exit(1);
        }
        return next();
    }

private:
    enum class Step { negotiate, mail, rcpt, end };

    void open()
    {
        fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_, sizeof address.sun_path - 1);
        if (connect(fd_, reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) != 0)
            die(path_);
        done_ = 0;
        step_ = Step::negotiate;
        say(script_.negotiate);
    }

    void say(const std::string& text)
    {
        if (write(fd_, text.data(), text.size()) !=
            static_cast<ssize_t>(text.size()))
            die("write");
    }

    int next()
    {
        switch (step_) {
            case Step::negotiate:
                step_ = Step::mail;
                if (!script_.mail.empty()) {
                    say(script_.hello + script_.mail);
                    return 0;
                }
                step_ = Step::rcpt;
                say(script_.hello + script_.rcpt);
                return 0;
            case Step::mail:
                step_ = Step::rcpt;
                say(script_.rcpt);
                return 0;
            case Step::rcpt:
                step_ = Step::end;
                say(script_.end);
                return 0;
            case Step::end:
                break;
        }
        if (++done_ < messages_) {
            step_ = script_.mail.empty() ? Step::rcpt : Step::mail;
            say(script_.mail.empty() ? script_.rcpt : script_.mail);
        } else {
            say(packet('Q', ""));
            close(fd_);
            open();
        }
        return 1;
    }

    const char* path_;
    const Script& script_;
    int messages_;
    int fd_ = -1;
    int done_ = 0;
    Step step_ = Step::negotiate;
    std::string input_;
};

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 5 && argc != 6)
        return 64;
    const Script script = argc == 6 ? with_message(argv[5]) : Script{};
    const int count = std::atoi(argv[2]);
    const auto seconds = std::chrono::duration<double>(std::atof(argv[3]));
    std::vector<Connection> connections;
    for (int i = 0; i < count; ++i)
        connections.emplace_back(argv[1], script, std::atoi(argv[4]));
    std::vector<pollfd> polls(connections.size());
    long messages = 0;
    const auto begin = Clock::now();
    while (Clock::now() - begin < seconds) {
        for (std::size_t i = 0; i < polls.size(); ++i)
            polls[i] = {connections[i].fd(), POLLIN, 0};
        if (poll(polls.data(), polls.size(), 1000) < 0 && errno != EINTR)
            die("poll");
        for (std::size_t i = 0; i < polls.size(); ++i)
            if (polls[i].revents)
                messages += connections[i].readable();
    }
    const std::chrono::duration<double> took = Clock::now() - begin;
    std::printf(
        "{\"connections\": %d, \"messages\": %ld, \"seconds\": %.3f, "
        "\"messages_per_s\": %.1f}\n",
        count, messages, took.count(),
        static_cast<double>(messages) / took.count());
}
