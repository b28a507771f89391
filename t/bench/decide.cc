// bench-decide [N...]: CPU time of one decision, as a JSON object with a
// member for each number of entries of access.db (default 1000 and 1000000).
//
//   relayed_us  check_rcpt of a client whose network may relay
//   denied_us   the same of one that nothing knows: every key is asked
//   mail_us     check_mail, the sender's domain being listed
//   worst_us    the slowest of the three
//
// The sizes take turns, several rounds; each number is the best of its
// rounds.  The ratio is that of the slowest decisions.  Exit 1 if a decision
// takes more than 2 us, or more than twice as long in the largest map as in
// the smallest.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "policy/map/table.h"
#include "policy/map/text.h"
#include "policy/relay/policy.h"

namespace {

using namespace policy;
using nlohmann::ordered_json;

constexpr int rounds = 7;
constexpr unsigned asked = 20000;  ///< decisions a round
constexpr double most_us = 2.0, most_ratio = 2.0;

/// Entries as a large site has them: networks, domains, addresses.
std::shared_ptr<const map::Table> entries(unsigned count)
{
    map::Table::Builder builder;
    for (unsigned n = 0; builder.size() < count; ++n) {
        const auto part = [n](unsigned shift) {
            return std::to_string(n >> shift & 255U);
        };
        const std::string network = part(16) + "." + part(8) + "." + part(0);
        if (n % 4 == 0)
            builder.add("connect:10." + network, "RELAY");
        else if (n % 4 == 1)
            builder.add("connect:11." + network, "REJECT");
        else if (n % 4 == 2)
            builder.add("from:d" + std::to_string(n) + ".example", "OK");
        else
            builder.add("to:u" + std::to_string(n) + "@example.org",
                        "ERROR:5.1.1:550 gone");
    }
    return std::move(builder).finish();
}

double cpu_seconds()
{
    std::timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

/// One map, with clients and senders of it in random order.
class Site {
public:
    explicit Site(unsigned count)
    {
        relay::Settings settings;
        settings.domain = "mx.example.org";
        settings.local_host_names = {"example.org"};
        settings.relay_domains = {"example.net"};
        settings.features = {"access_db", "blocklist_recipients"};
        relay::World world;
        world.access = map::fixed(entries(count), "access");
        policy_ = *relay::Policy::make(std::move(settings), std::move(world));
        std::mt19937 random{1};
        for (unsigned i = 0; i < 4096; ++i) {
            const unsigned n = static_cast<unsigned>(random()) % count / 4 * 4;
            relayed_.push_back(client(10, n));
            unknown_.push_back(client(172, n));
            senders_.push_back("<user@d" + std::to_string(n + 2) + ".example>");
        }
    }

    double relayed()
    {
        return best(relayed_us_, [&](unsigned i) {
            return rcpt(relayed_[i % relayed_.size()]).verdict ==
                   Verdict::accept;
        });
    }
    double denied()
    {
        return best(denied_us_, [&](unsigned i) {
            return rcpt(unknown_[i % unknown_.size()]).verdict ==
                   Verdict::reject;
        });
    }
    double mail()
    {
        return best(mail_us_, [&](unsigned i) {
            return policy_
                       ->mail(unknown_[i % unknown_.size()],
                              senders_[i % senders_.size()])
                       .verdict == Verdict::accept;
        });
    }
    double worst() const
    {
        return std::max({relayed_us_, denied_us_, mail_us_});
    }
    ordered_json json() const
    {
        return {{"relayed_us", relayed_us_},
                {"denied_us", denied_us_},
                {"mail_us", mail_us_},
                {"worst_us", worst()}};
    }

private:
    static relay::Client client(std::uint8_t net, unsigned n)
    {
        relay::Client c;
        c.addr = ClientAddr::v4({net, std::uint8_t(n >> 16),
                                 std::uint8_t(n >> 8), std::uint8_t(n)});
        c.name = "client.remote.example";
        c.resolve = relay::Resolve::ok;
        return c;
    }
    Decision rcpt(const relay::Client& client) const
    {
        return policy_->rcpt(client, "<sender@far.example>",
                             "<friend@remote.example>");
    }
    template <class Ask>
    static double best(double& least, Ask ask)
    {
        const double start = cpu_seconds();
        for (unsigned i = 0; i < asked; ++i)
            if (!ask(i)) {
                std::cerr << "bench-decide: a wrong answer\n";
                std::exit(70);
            }
        const double us = (cpu_seconds() - start) / asked * 1e6;
        least = least == 0 ? us : std::min(least, us);
        return us;
    }

    std::shared_ptr<const relay::Policy> policy_;
    std::vector<relay::Client> relayed_, unknown_;
    std::vector<std::string> senders_;
    double relayed_us_ = 0, denied_us_ = 0, mail_us_ = 0;
};

}  // namespace

int main(int argc, char** argv)
{
    std::vector<unsigned> counts{1000, 1000000};
    if (argc > 1)
        counts.clear();
    for (int i = 1; i < argc; ++i)
        counts.push_back(unsigned(std::strtoul(argv[i], nullptr, 10)));
    std::vector<std::unique_ptr<Site>> sites;
    for (const unsigned count : counts) {
        if (count < 8)
            return 64;
        sites.push_back(std::make_unique<Site>(count));
    }
    for (int round = 0; round < rounds; ++round)
        for (const auto& site : sites) {
            site->relayed();
            site->denied();
            site->mail();
        }
    ordered_json all;
    for (std::size_t i = 0; i < sites.size(); ++i)
        all[std::to_string(counts[i])] = sites[i]->json();
    const double worst = sites.back()->worst();
    const double ratio = worst / sites.front()->worst();
    all[std::to_string(counts.back())]["ratio"] = ratio;
    std::cout << all.dump(1) << std::endl;
    return worst <= most_us && ratio <= most_ratio ? 0 : 1;
}
