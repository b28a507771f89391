// bench-grants [N...]: speed of the store of grants, as a JSON object with a
// member for each number of grants (default 1000 and 1000000).
//
//   add_us         one add(): journal written, in memory
//   adds_per_s     from one thread
//   socket_add_us  the same over a unix socket, request to answer, with the
//                  snapshots of relayers.db going on behind it
//   find_ns        find() of a client that is there; miss_ns: that is not
//   load_ms        opening relayers.db of that many grants
//   snapshot_ms    relayers.db after one more add()
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <thread>

#include "milters/control/handler.h"
#include "policy/relayers/file_store.h"

namespace {

using namespace policy::relayers;
using milters::control::Json;
using policy::ClientAddr;
using policy::Network;
using policy::Seconds;
using Clock = std::chrono::steady_clock;

ClientAddr client(unsigned n)
{
    return ClientAddr::v4(
        {10, std::uint8_t(n >> 16), std::uint8_t(n >> 8), std::uint8_t(n)});
}

Grant grant(unsigned n)
{
    return {Network{client(n), 32}, policy::system_now(), "user", "imap"};
}

template <class T>
T must(policy::Result<T> result)
{
    if (result)
        return std::move(*result);
    std::cerr << result.error().text << '\n';
    std::exit(1);
}

void must(const policy::Status& status)
{
    if (!status) {
        std::cerr << status.error().text << '\n';
        std::exit(1);
    }
}

/// Seconds that `work` takes.
template <class Work>
double timed(Work work)
{
    const auto start = Clock::now();
    work();
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Adds over a socket pair, answered by the control handler in a thread.
double socket_adds(Store& store, unsigned count, unsigned first)
{
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
        std::exit(1);
    std::jthread server{[&store, fd = pair[1]] {
        std::string buffer(65536, '\0');
        for (;;) {
            const ssize_t n = ::read(fd, buffer.data(), buffer.size());
            if (n <= 0)
                return;
            const auto reply = milters::control::answer(
                std::string_view{buffer}.substr(0, std::size_t(n)),
                {.store = store});
            if (::write(fd, reply.data(), reply.size()) < 0)
                return;
        }
    }};
    std::string buffer(65536, '\0');
    const double time = timed([&] {
        for (unsigned i = 0; i < count; ++i) {
            const std::string request = R"({"command":"add","address":")" +
                                        client(first + i).text() + "\"}\n";
            if (::write(pair[0], request.data(), request.size()) < 0 ||
                ::read(pair[0], buffer.data(), buffer.size()) <= 0)
                std::exit(1);
        }
    });
    ::shutdown(pair[0], SHUT_RDWR);
    server.join();
    ::close(pair[0]);
    ::close(pair[1]);
    return time;
}

Json bench(unsigned count, const std::filesystem::path& dir)
{
    constexpr unsigned adds = 20000;
    constexpr unsigned finds = 1000000;
    FileSettings settings;
    settings.file = dir / "relayers.db";
    settings.journal = dir;
    settings.window = std::chrono::seconds{0};
    settings.background = false;
    {
        std::vector<Grant> grants;
        for (unsigned n = 0; n < count; ++n)
            grants.push_back(grant(n));
        const auto store = must(FileStore::open(settings));
        must(store->add_all(grants));
        must(store->snapshot(std::chrono::minutes{1}));
    }
    std::unique_ptr<FileStore> store;
    Json result;
    result["load_ms"] =
        timed([&] { store = must(FileStore::open(settings)); }) * 1e3;
    must(store->add(grant(0)));
    result["snapshot_ms"] = timed([&] { must(store->snapshot()); }) * 1e3;
    std::mt19937 generator{1};
    const auto random = [&] { return static_cast<unsigned>(generator()); };
    std::vector<ClientAddr> there;
    std::vector<ClientAddr> elsewhere;
    for (unsigned i = 0; i < 4096; ++i) {
        there.push_back(client(random() % count));
        elsewhere.push_back(
            ClientAddr::v4({11, 0, std::uint8_t(i >> 8), std::uint8_t(i)}));
    }
    std::size_t hits = 0;
    const auto find = [&](const std::vector<ClientAddr>& whom) {
        return timed([&] {
                   for (unsigned i = 0; i < finds; ++i)
                       hits +=
                           must(store->find(whom[i % whom.size()])) ? 1U : 0U;
               }) /
               finds * 1e9;
    };
    result["find_ns"] = find(there);
    result["miss_ns"] = find(elsewhere);
    if (hits != finds)
        std::exit(1);
    const double one = timed([&] {
        for (unsigned i = 0; i < adds; ++i)
            must(store->add(grant(random() % count)));
    });
    result["add_us"] = one / adds * 1e6;
    result["adds_per_s"] = adds / one;
    store.reset();
    settings.background = true;
    store = must(FileStore::open(settings));
    result["socket_add_us"] = socket_adds(*store, adds, 0) / adds * 1e6;
    return result;
}

}  // namespace

int main(int argc, char** argv)
{
    std::vector<unsigned> counts{1000, 1000000};
    if (argc > 1)
        counts.clear();
    for (int i = 1; i < argc; ++i)
        counts.push_back(unsigned(std::strtoul(argv[i], nullptr, 10)));
    Json all;
    for (const unsigned count : counts) {
        std::string name = "/tmp/postern-bench.XXXXXX";
        if (count == 0 || !::mkdtemp(name.data()))
            return 64;
        all[std::to_string(count)] = bench(count, name);
        std::filesystem::remove_all(name);
    }
    std::cout << all.dump(1) << std::endl;
}
