// virus-scanner(8): loads signatures, forks sandboxed workers that share them,
// and hands the workers' sockets to virus-milter.
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "milters/scanner/namespaces.h"
#include "milters/scanner/parent.h"
#include "milters/scanner/probe.h"
#include "milters/scanner/quick_sscanf.h"
#include "policy/scan/unpack_watch.h"
#include "policy/version.h"

namespace {

using milters::scanner::Fd;
using milters::scanner::Parent;
using milters::scanner::ParentOptions;
using milters::scanner::UserId;
using policy::Errc;
using policy::Result;

struct Arguments {
    std::string database = "/var/lib/clamav";
    std::string user;
    std::vector<std::string> limits;
    std::vector<std::string> detect;
    std::string probe;
    unsigned workers = 0;
    unsigned part_cache = 65536;
    int control = -1;
    bool check = false;
    bool no_eicar = false;
    ParentOptions parent;
};

Result<std::uint64_t> number(const std::string& text)
{
    std::uint64_t value = 0;
    const auto* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || rest != end)
        return policy::fail(Errc::usage, text + ": not a number");
    return value;
}

/// `scan_size=1000`.
policy::Status set_limit(policy::scan::Limits& limits, const std::string& text)
{
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const auto value =
        number(equals == std::string::npos ? "" : text.substr(equals + 1));
    if (!value)
        return policy::fail(Errc::usage, text + ": not NAME=NUMBER");
    if (name == "scan_size")
        limits.scan_size = *value;
    else if (name == "file_size")
        limits.file_size = *value;
    else if (name == "recursion")
        limits.recursion = static_cast<unsigned>(*value);
    else if (name == "files")
        limits.files = static_cast<unsigned>(*value);
    else if (name == "scan_time_ms")
        limits.scan_time = std::chrono::milliseconds{*value};
    else
        return policy::fail(Errc::usage, name + ": no such limit");
    return {};
}

/// `macros` or `no-phishing`.
policy::Status set_detect(policy::scan::Detect& detect, const std::string& text)
{
    const bool on = !text.starts_with("no-");
    const std::string name = on ? text : text.substr(3);
    if (name == "pua")
        detect.pua = on;
    else if (name == "encrypted")
        detect.encrypted = on;
    else if (name == "macros")
        detect.macros = on;
    else if (name == "broken")
        detect.broken = on;
    else if (name == "phishing")
        detect.phishing = on;
    else
        return policy::fail(Errc::usage, name + ": nothing to detect");
    return {};
}

Result<UserId> find_user(const std::string& text)
{
    const auto colon = text.find(':');
    const std::string name = text.substr(0, colon);
    const passwd* const user = ::getpwnam(name.c_str());
    if (!user)
        return policy::fail(Errc::usage, name + ": no such user");
    UserId id{user->pw_uid, user->pw_gid};
    if (colon == std::string::npos)
        return id;
    const group* const entry = ::getgrnam(text.c_str() + colon + 1);
    if (!entry)
        return policy::fail(Errc::usage,
                            text.substr(colon + 1) + ": no such group");
    id.gid = entry->gr_gid;
    return id;
}

/// Fills the options from what the command line said as text.
policy::Status complete(Arguments& args)
{
    ParentOptions& parent = args.parent;
    parent.engine.database = args.database;
    parent.engine.part_cache = args.part_cache;
    parent.workers = args.workers
                         ? args.workers
                         : std::max(1U, std::thread::hardware_concurrency());
    parent.expect_eicar = !args.no_eicar;
    for (const std::string& limit : args.limits)
        if (auto s = set_limit(parent.engine.limits, limit); !s)
            return s;
    for (const std::string& detect : args.detect)
        if (auto s = set_detect(parent.engine.detect, detect); !s)
            return s;
    if (::geteuid() != 0)
        return {};
    // Never scan as root.
    const auto user = find_user(args.user.empty() ? "nobody" : args.user);
    if (!user)
        return policy::fail(user.error());
    if (user->uid == 0)
        return policy::fail(Errc::usage, "workers do not run as root");
    parent.user = *user;
    return {};
}

/// What a signature set is: for administrators, and for cron.
int check(Arguments& args)
{
    Parent parent{args.parent, -1};
    if (auto s = parent.prepare(); !s) {
        std::cerr << "virus-scanner: " << s.error().text << '\n';
        return EX_DATAERR;
    }
    const auto& info = parent.info();
    std::cout << info.name << ' ' << info.version << ", " << info.signatures
              << " signatures, version " << info.base << '\n';
    return EX_OK;
}

int run_probe(const Arguments& args)
{
    const auto names = milters::scanner::probe_names();
    const bool all = args.probe == "all";
    if (!all &&
        std::find(names.begin(), names.end(), args.probe) == names.end())
        return EX_USAGE;
    const auto folder = [&](bool tmpfs) {
        return milters::scanner::TempDir::create(args.parent.temp_base, 0,
                                                 args.parent.user, tmpfs,
                                                 args.parent.temp_size);
    };
    const bool tmpfs = milters::scanner::own_namespaces() && folder(true);
    auto dir = folder(tmpfs);
    if (!dir) {
        std::cerr << "virus-scanner: " << dir.error().text << '\n';
        return EX_CANTCREAT;
    }
    const milters::scanner::Sandbox sandbox{args.parent.user, dir->path(),
                                            args.parent.memory,
                                            args.parent.temp_size};
    bool tight = true;
    for (const std::string& name : names) {
        if (!all && name != args.probe)
            continue;
        const auto probed = milters::scanner::probe(name, sandbox);
        std::cout << name << ": " << probed.how << '\n';
        tight = tight && probed.allowed == (name == "unpack");
    }
    std::cout << "tmpfs: " << (tmpfs ? "yes" : "no") << '\n';
    std::cout << "landlock: " << milters::scanner::landlock_version() << '\n';
    return tight ? EX_OK : EX_SOFTWARE;
}

/// Tells the client, or whoever typed the command.
int complain(const Arguments& args, const std::string& what, int code)
{
    if (args.control < 0) {
        std::cerr << "virus-scanner: " << what << '\n';
        return code;
    }
    policy::scan::ScannerEvent event;
    event.text = what;
    // A client that is gone needs no answer.
    (void)milters::scanner::send_packet(args.control,
                                        policy::scan::write(event));
    return code;
}

int serve(Arguments& args)
{
    ::fcntl(args.control, F_SETFD, FD_CLOEXEC);
    Parent parent{args.parent, args.control};
    if (auto s = parent.prepare(); !s)
        return complain(args, s.error().text, EX_DATAERR);
    return parent.run();
}

void declare(CLI::App& app, Arguments& args)
{
    app.add_option("-d,--database", args.database);
    app.add_option("-w,--workers", args.workers);
    app.add_option("-t,--temp-dir", args.parent.temp_base);
    app.add_option("-s,--temp-size", args.parent.temp_size);
    app.add_option("-m,--memory", args.parent.memory);
    app.add_option("-u,--user", args.user);
    app.add_option("-l,--limit", args.limits)->allow_extra_args(false);
    app.add_option("-D,--detect", args.detect)->allow_extra_args(false);
    app.add_option("-k,--known-clean", args.parent.known_clean)
        ->allow_extra_args(false);
    app.add_option("--part-cache", args.part_cache);
    app.add_flag("-E,--no-eicar", args.no_eicar);
    app.add_option("--control", args.control);
    app.add_flag("-b,--beside", args.parent.beside);
    app.add_flag("-C,--check", args.check);
    app.add_option("--probe", args.probe);
}

/// SIGCHLD and SIGTERM come through a descriptor; 0, 1 and 2 are open.
void prepare_process()
{
    for (int fd = 0; fd < 3; ++fd)
        if (::fcntl(fd, F_GETFD) < 0)
            ::open("/dev/null", O_RDWR);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

int main(int argc, char** argv)
{
    prepare_process();
    if (!milters::scanner::use_quick_sscanf() ||
        !policy::scan::UnpackWatch::works())
        return EX_SOFTWARE;
    Arguments args;
    CLI::App app{"scans for virus-milter; see virus-scanner(8)"};
    app.set_version_flag("-V,--version",
                         std::string{"virus-scanner "} + policy::version);
    declare(app, args);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? EX_OK : EX_USAGE;
    }
    if (auto s = complete(args); !s)
        return complain(args, s.error().text, EX_USAGE);
    if (!args.probe.empty())
        return run_probe(args);
    if (args.check)
        return check(args);
    if (args.control >= 0)
        return serve(args);
    std::cerr << "virus-scanner: virus-milter starts it; by hand only with "
                 "--check or --probe\n";
    return EX_USAGE;
}
