#include "milters/postern/scan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "milters/scanner/command.h"
#include "milters/scanner/memfd.h"

namespace milters::postern {
namespace {

using namespace std::chrono_literals;
using policy::scan::ScanStatus;
using policy::scan::Verdict;

constexpr int found = 1;
constexpr int not_scanned = 2;
constexpr auto load_limit = 10min;

struct Arguments {
    std::string config = policy::config::default_file;
    std::string database;
    std::vector<std::string> files;
    bool json = false;
    bool parts = false;
};

std::shared_ptr<const policy::config::Config> load(const Arguments& args)
{
    const bool there = std::filesystem::exists(args.config);
    const auto loaded =
        there || args.config != policy::config::default_file
            ? policy::config::load(args.config)
            : policy::config::load_text("", args.config);  // all defaults
    for (const auto& problem : loaded.problems)
        std::cerr << "postern: " << problem << '\n';
    return loaded.config;
}

nlohmann::json json_of(const Verdict& verdict)
{
    nlohmann::json out{{"status", name_of(verdict.status())}};
    if (!verdict.signature().empty())
        out["signature"] = verdict.signature();
    if (!verdict.detail.empty())
        out["error"] = verdict.detail;
    for (const auto& finding : verdict.findings)
        out["findings"].push_back({{"status", name_of(finding.status)},
                                   {"signature", finding.signature}});
    for (const auto& part : verdict.parts)
        out["parts"].push_back({{"name", part.name},
                                {"type", part.type},
                                {"size", part.size},
                                {"level", part.level},
                                {"encrypted", part.encrypted}});
    return out;
}

/// A name that cannot forge a line or move the cursor: control characters,
/// those of Latin 1 in UTF-8 too, become `\xNN`, and a backslash two.
std::string visible(const std::string& name)
{
    const auto byte = [&](std::size_t i) {
        return i < name.size() ? static_cast<unsigned char>(name[i]) : 0U;
    };
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool c1 =
            byte(i) >= 0x80 && byte(i) < 0xa0 && i > 0 && byte(i - 1) == 0xc2;
        if (name[i] == '\\') {
            out += "\\\\";
        } else if (byte(i) < ' ' || byte(i) == 0x7f || c1) {
            char hex[5];
            std::snprintf(hex, sizeof hex, "\\x%02x", byte(i));
            out += hex;
        } else {
            out += name[i];
        }
    }
    return out;
}

/// One line a file, on stdout.
void print(const Arguments& args, const std::string& file,
           const Verdict& verdict)
{
    if (args.json) {
        auto line = json_of(verdict);
        line["file"] = file;
        std::cout << line.dump(-1, ' ', false,
                               nlohmann::json::error_handler_t::replace)
                  << std::endl;
        return;
    }
    std::cout << file << ": " << name_of(verdict.status());
    if (!verdict.signature().empty())
        std::cout << ' ' << verdict.signature();
    if (!verdict.detail.empty())
        std::cout << " (" << verdict.detail << ')';
    std::cout << std::endl;
    for (const auto& part : verdict.parts)
        std::cout << "  " << part.level << ' ' << part.type << ' ' << part.size
                  << ' ' << visible(part.name) << '\n';
}

/// A copy in memory: a worker of another user can then read it, and nobody
/// changes it in the middle of the scan.
policy::Result<scanner::MemFile> copy(const std::string& file,
                                      std::uint64_t max_bytes)
{
    const scanner::Fd in{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat s {};
    if (!in || ::fstat(in.get(), &s) != 0)
        return policy::fail(policy::Errc::io, std::strerror(errno));
    if (!S_ISREG(s.st_mode) && !S_ISFIFO(s.st_mode))
        return policy::fail(policy::Errc::io, "not a regular file");
    auto out = scanner::MemFile::create();
    std::vector<char> buffer(1 << 20);
    while (out) {
        const ssize_t n = ::read(in.get(), buffer.data(), buffer.size());
        if (n < 0)
            return policy::fail(policy::Errc::io, std::strerror(errno));
        if (n == 0)
            break;
        if (auto s2 = out->append({buffer.data(), static_cast<std::size_t>(n)});
            !s2)
            return policy::fail(s2.error());
        if (out->size() > max_bytes)
            break;
    }
    if (out)
        if (auto sealed = out->seal(); !sealed)
            return policy::fail(sealed.error());
    return out;
}

Verdict scan_file(policy::scan::Scanner& pool, const std::string& file,
                  const Arguments& args, std::uint64_t max_bytes)
{
    const auto message = copy(file, max_bytes);
    if (!message)
        return Verdict::error(message.error().text);
    if (message->size() > max_bytes)
        return Verdict::oversize();
    return pool.scan(
        {message->fd(), message->size(), {args.parts, false}, false}, [] {});
}

int scan_all(policy::scan::Scanner& pool, const Arguments& args,
             std::uint64_t max_bytes)
{
    int code = EX_OK;
    for (const std::string& file : args.files) {
        const Verdict verdict = scan_file(pool, file, args, max_bytes);
        print(args, file, verdict);
        if (verdict.status() == ScanStatus::error)
            code = not_scanned;
        else if (!verdict.clean() && code == EX_OK)
            code = found;
    }
    return code;
}

}  // namespace

int scan(int argc, const char* const* argv)
{
    Arguments args;
    CLI::App app{"Scans files with the configured engine.", "postern scan"};
    app.add_option("-c,--config", args.config, "postern.yaml");
    app.add_option("-d,--database", args.database,
                   "signatures to use instead of the configured ones");
    app.add_flag("--json", args.json, "one JSON object a line");
    app.add_flag("--parts", args.parts, "list the files inside, too");
    app.add_option("files", args.files, "what to scan")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? EX_OK : EX_USAGE;
    }
    const auto config = load(args);
    if (!config)
        return EX_CONFIG;
    auto virus = config->virus;
    if (!args.database.empty())
        virus.scan.database = args.database;
    if (virus.engine == "clamd" && args.database.empty()) {
        scanner::ClamdPool clamd{scanner::clamd_options(virus, {})};
        return scan_all(clamd, args, virus.max_message);
    }
    auto options = scanner::pool_options(virus);
    options.watch = 0ms;
    scanner::Pool pool{std::move(options)};
    if (const auto ready = pool.wait_ready(load_limit); !ready) {
        std::cerr << "postern: " << ready.error().text << '\n';
        return not_scanned;
    }
    return scan_all(pool, args, virus.max_message);
}

}  // namespace milters::postern
