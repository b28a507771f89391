#include "policy/scan/stats.h"

#include <algorithm>
#include <sstream>

namespace policy::scan {

void Stats::count(const Counted& message, Seconds now)
{
    const std::lock_guard lock{mutex_};
    auto& n = numbers_;
    ++n.messages;
    ++n.by_status[static_cast<std::size_t>(message.status)];
    ++n.by_action[static_cast<std::size_t>(message.action)];
    n.bytes += message.size;
    n.remembered += message.remembered;
    n.time += message.time;
    n.longest = std::max(n.longest, message.time);
    if (message.status != ScanStatus::infected)
        return;
    last_.push_front({now, message.signature, message.client});
    if (last_.size() > last_kept)
        last_.pop_back();
    if (clients_.size() < max_clients || clients_.contains(message.client))
        ++clients_[message.client];
}

void Stats::skipped()
{
    const std::lock_guard lock{mutex_};
    ++numbers_.skipped;
}

void Stats::split()
{
    const std::lock_guard lock{mutex_};
    ++numbers_.split;
}

void Stats::notice()
{
    const std::lock_guard lock{mutex_};
    ++numbers_.notices;
}

Stats::Numbers Stats::numbers() const
{
    const std::lock_guard lock{mutex_};
    Numbers out = numbers_;
    out.last.assign(last_.begin(), last_.end());
    out.top_clients.assign(clients_.begin(), clients_.end());
    const auto kept = std::min(out.top_clients.size(), last_kept);
    std::partial_sort(
        out.top_clients.begin(),
        out.top_clients.begin() + static_cast<std::ptrdiff_t>(kept),
        out.top_clients.end(),
        [](const auto& a, const auto& b) { return a.second > b.second; });
    out.top_clients.resize(kept);
    return out;
}

std::string prometheus(
    const Stats::Numbers& numbers,
    const std::vector<std::pair<std::string, double>>& gauges)
{
    std::ostringstream out;
    const auto begin = [&](const char* name, const char* type) {
        out << "# TYPE postern_virus_" << name << ' ' << type << '\n';
    };
    const auto counter = [&](const char* name, auto value) {
        begin(name, "counter");
        out << "postern_virus_" << name << ' ' << value << '\n';
    };
    counter("messages_total", numbers.messages);
    counter("not_scanned_total", numbers.skipped);
    counter("cache_hits_total", numbers.remembered);
    counter("bytes_total", numbers.bytes);
    counter("recipients_split_total", numbers.split);
    counter("notices_total", numbers.notices);
    counter("scan_seconds_total",
            std::chrono::duration<double>(numbers.time).count());
    begin("status_total", "counter");
    for (std::size_t i = 0; i < status_count; ++i)
        out << "postern_virus_status_total{status=\""
            << name_of(static_cast<ScanStatus>(i)) << "\"} "
            << numbers.by_status[i] << '\n';
    begin("action_total", "counter");
    for (std::size_t i = 0; i < action_count; ++i)
        out << "postern_virus_action_total{action=\""
            << name_of(static_cast<Action>(i)) << "\"} " << numbers.by_action[i]
            << '\n';
    for (const auto& [name, value] : gauges) {
        begin(name.c_str(), "gauge");
        out << "postern_virus_" << name << ' ' << value << '\n';
    }
    return out.str();
}

}  // namespace policy::scan
