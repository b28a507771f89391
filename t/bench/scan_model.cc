// What it costs to scan in processes of their own.
//
//     bench-scan-model DATABASE SECONDS THREADS FILE...
//
// The same files are scanned in turns by threads in this process and by the
// sandboxed workers of virus-scanner, as many of each, three rounds; no cache
// of parts.  Prints one JSON object, with processor time per file, which other
// work on the machine does not disturb:
//
//     {"threads": 2, "in_process_per_s": N, "workers_per_s": N,
//      "in_process_cpu_us": N, "workers_cpu_us": N, "cpu_ratio": R}
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>
#include <vector>

#include "milters/scanner/command.h"
#include "milters/scanner/memfd.h"
#include "milters/scanner/memory.h"
#include "milters/scanner/quick_sscanf.h"
#include "policy/scan/clamav.h"
#include "policy/scan/database.h"

namespace {

using milters::scanner::MemFile;
using policy::scan::Verdict;
using Clock = std::chrono::steady_clock;
using Scan = std::function<Verdict(const MemFile&)>;

template <class T>
T expect(policy::Result<T> result)
{
    if (!result) {
        std::cerr << "bench-scan-model: " << result.error().text << '\n';
        std::exit(1);
    }
    return std::move(*result);
}

MemFile load(const char* path)
{
    std::ifstream in{path, std::ios::binary};
    std::ostringstream bytes;
    bytes << in.rdbuf();
    auto file = expect(MemFile::create());
    if (!file.append(bytes.str()) || !file.seal())
        std::exit(1);
    return file;
}

/// Seconds of processor time of a process and all below it, so far.
double cpu_of_tree(const std::string& pid)
{
    namespace fs = std::filesystem;
    std::ifstream stat{"/proc/" + pid + "/stat"};
    std::string word;
    std::getline(stat, word, ')');
    double ticks = 0;
    for (int field = 3; field <= 15 && stat >> word; ++field)
        if (field >= 14)
            ticks += std::atof(word.c_str());
    double sum = ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
    std::error_code error;
    for (const auto& task :
         fs::directory_iterator{"/proc/" + pid + "/task", error}) {
        std::ifstream children{task.path() / "children"};
        while (children >> word)
            sum += cpu_of_tree(word);
    }
    return sum;
}

struct Speed {
    double per_s, cpu_us;
};

Speed run(const std::vector<MemFile>& files, unsigned threads, double seconds,
          const Scan& scan)
{
    std::atomic<std::size_t> next{0};
    const auto begin = Clock::now();
    const double cpu = cpu_of_tree("self");
    const auto end = begin + std::chrono::duration<double>(seconds);
    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i)
        all.emplace_back([&] {
            while (Clock::now() < end)
                if (!scan(files[next++ % files.size()]).clean())
                    std::exit(1);
        });
    for (auto& thread : all)
        thread.join();
    const auto number = static_cast<double>(next);
    return {
        number / std::chrono::duration<double>(Clock::now() - begin).count(),
        1e6 * (cpu_of_tree("self") - cpu) / number};
}

double median(const std::vector<Speed>& all, double Speed::*which)
{
    std::vector<double> numbers;
    for (const Speed& one : all)
        numbers.push_back(one.*which);
    std::sort(numbers.begin(), numbers.end());
    return numbers[numbers.size() / 2];
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 5 || !milters::scanner::use_quick_sscanf())
        return 64;
    const double seconds = std::atof(argv[2]);
    const auto threads = static_cast<unsigned>(std::atoi(argv[3]));
    std::vector<MemFile> files;
    for (int i = 4; i < argc; ++i)
        files.push_back(load(argv[i]));

    milters::scanner::PoolOptions options;
    options.command = {
        milters::scanner::scanner_beside_us(),
        {"-d", argv[1], "-w", std::to_string(threads), "--part-cache", "0"}};
    options.watch = {};
    milters::scanner::Pool pool{std::move(options)};
    if (const auto ready = pool.wait_ready(std::chrono::minutes{10}); !ready)
        expect(policy::Result<int>{policy::fail(ready.error())});

    milters::scanner::tune_malloc(threads);
    policy::scan::EngineOptions engine_options;
    engine_options.database = argv[1];
    engine_options.part_cache = 0;
    const auto engine = expect(policy::scan::Engine::load(engine_options));
    policy::scan::use_huge_pages();

    std::vector<Speed> inside;
    std::vector<Speed> workers;
    for (int round = 0; round < 3; ++round) {
        inside.push_back(run(files, threads, seconds, [&](const MemFile& f) {
            return engine->scan(f.fd());
        }));
        workers.push_back(run(files, threads, seconds, [&](const MemFile& f) {
            return pool.scan({f.fd(), f.size()}, [] {});
        }));
    }
    const double inside_cpu = median(inside, &Speed::cpu_us);
    const double workers_cpu = median(workers, &Speed::cpu_us);
    std::printf(
        "{\"threads\": %u, \"in_process_per_s\": %.1f, \"workers_per_s\": "
        "%.1f, \"in_process_cpu_us\": %.0f, \"workers_cpu_us\": %.0f, "
        "\"cpu_ratio\": %.3f}\n",
        threads, median(inside, &Speed::per_s), median(workers, &Speed::per_s),
        inside_cpu, workers_cpu, workers_cpu / inside_cpu);
    return 0;
}
