#include "milters/scanner/command.h"

namespace milters::scanner {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

void add(Words& words, const char* flag, const std::string& value)
{
    words.emplace_back(flag);
    words.push_back(value);
}

void add_limits(Words& words, const policy::scan::Limits& limits)
{
    add(words, "-l", "scan_size=" + std::to_string(limits.scan_size));
    add(words, "-l", "file_size=" + std::to_string(limits.file_size));
    add(words, "-l", "recursion=" + std::to_string(limits.recursion));
    add(words, "-l", "files=" + std::to_string(limits.files));
    add(words, "-l",
        "scan_time_ms=" + std::to_string(limits.scan_time.count()));
}

void add_detect(Words& words, const policy::scan::Detect& detect)
{
    const std::pair<const char*, bool> all[] = {{"pua", detect.pua},
                                                {"encrypted", detect.encrypted},
                                                {"macros", detect.macros},
                                                {"broken", detect.broken},
                                                {"phishing", detect.phishing}};
    for (const auto& [name, on] : all)
        add(words, "-D", (on ? "" : "no-") + std::string{name});
}

}  // namespace

Command command_for(const policy::config::Virus& virus)
{
    Command command;
    command.program =
        virus.scanner.empty() ? scanner_beside_us() : virus.scanner;
    Words& words = command.arguments;
    add(words, "-d", virus.scan.database);
    add(words, "-w", std::to_string(virus.workers));
    add(words, "-t", virus.temp_dir);
    add(words, "-s", std::to_string(virus.temp_size));
    add(words, "-m", std::to_string(virus.worker_memory));
    add(words, "--part-cache", std::to_string(virus.scan.part_cache));
    add_limits(words, virus.scan.limits);
    add_detect(words, virus.scan.detect);
    if (!virus.scanner_user.empty())
        add(words, "-u", virus.scanner_user);
    if (!virus.expect_eicar)
        words.emplace_back("-E");
    for (const std::string& file : virus.known_clean)
        add(words, "-k", file);
    return command;
}

PoolOptions pool_options(const policy::config::Virus& virus)
{
    PoolOptions options;
    options.command = command_for(virus);
    options.database = virus.scan.database;
    options.temp_base = virus.temp_dir;
    options.deadline = virus.deadline;
    // libclamav's own clock ends a scan first.
    options.attempt = virus.scan.limits.scan_time * 5 / 4 + 2s;
    options.load = virus.load_time;
    options.max_waiting = virus.max_waiting;
    options.watch = virus.watch;
    options.serial = virus.serial;
    return options;
}

ClamdOptions clamd_options(
    const policy::config::Virus& virus,
    std::function<void(bool alarm, const std::string&)> log)
{
    return {virus.clamd,       virus.clamd_timeout, virus.deadline,
            virus.clamd_probe, virus.clamd_verify,  virus.scan.detect.encrypted,
            std::move(log)};
}

}  // namespace milters::scanner
