#include "milters/milter/daemon.h"

#include <libmilter/mfapi.h>
#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

#include "milters/milter/callbacks.h"
#include "milters/milter/janitor.h"
#include "milters/milter/kick.h"
#include "milters/milter/own_files.h"
#include "milters/milter/service_manager.h"
#include "milters/milter/signals.h"
#include "milters/net/negotiate.h"

/// Of the address sanitizer, where that is linked in.
extern "C" __attribute__((weak)) void __lsan_do_leak_check();

namespace milters::milter {
namespace {

using Level = policy::Log::Level;
using namespace std::chrono_literals;

/// libmilter itself starts within a millisecond.
constexpr auto start_limit = 5s;
/// The watchdog asks our own socket; an answer takes a millisecond.
constexpr auto negotiate_limit = 5s;
/// How long handlers that run may go on after SIGTERM.
constexpr auto handler_limit = 300ms;
/// The end of a stop, whatever hangs.
constexpr auto stop_limit = 900ms;

int exit_code_of(const policy::Error& error)
{
    switch (error.code) {
        case policy::Errc::io:
            return EX_CANTCREAT;
        case policy::Errc::denied:
            return EX_UNAVAILABLE;
        case policy::Errc::gone:
            return EX_NOUSER;
        case policy::Errc::usage:
        case policy::Errc::parse:
        case policy::Errc::format:
            return EX_CONFIG;
        case policy::Errc::timeout:
            break;
    }
    return EX_TEMPFAIL;
}

/// Reloads one at a time, never on the thread that takes signals: a stop does
/// not wait for a reload.
class Reloader {
public:
    void start(std::function<void()> reload)
    {
        reload_ = std::move(reload);
        std::thread{[this] { run(); }}.detach();
    }

    void request()
    {
        const std::lock_guard lock{mutex_};
        wanted_ = true;
        changed_.notify_one();
    }

private:
    void run()
    {
        std::unique_lock lock{mutex_};
        while (true) {
            changed_.wait(lock, [this] { return wanted_; });
            wanted_ = false;
            lock.unlock();
            if (reload_)
                reload_();
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void()> reload_;
    bool wanted_ = false;
};

/// Never destroyed: its thread ends with the process.
Reloader& reloader()
{
    static Reloader* const the_reloader = new Reloader;
    return *the_reloader;
}

/// One run of a milter.
class Run {
public:
    Run(Service& service, Background background)
        : service_{service}, background_{std::move(background)}
    {
    }

    policy::Status open();
    int serve();

private:
    policy::Status make_folders();
    policy::Status open_milter_socket();
    policy::Status drop_root();
    void supervise();
    [[noreturn]] void stop(int exit_code);
    void watch_the_stop(int exit_code);
    bool negotiates();
    [[noreturn]] void end(int exit_code);
    void remove_name();
    void say(Level level, const std::string& text)
    {
        service_.log->line(level, "", text);
    }

    Service& service_;
    Background background_;
    std::optional<PidFile> pid_file_;
    net::SocketName name_;
    OwnFiles bound_;  ///< for a stop that cannot wait for who has bound them
    ServiceManager manager_;
    std::mutex naming_;  ///< name_, which two threads may take away
    std::mutex ending_;
    std::mutex stopping_;
};

policy::Status Run::open_milter_socket()
{
    const auto& socket = service_.socket;
    const bool local = socket.kind == net::SocketSpec::Kind::unix_path;
    if (local)
        if (auto clear = net::clear_stale(socket.path); !clear)
            return clear;
    std::string where = socket.text();
    const net::Umask closed{0777};
    if (smfi_setconn(where.data()) != MI_SUCCESS ||
        smfi_opensocket(false) != MI_SUCCESS)
        return policy::fail(policy::Errc::io, where + ": cannot listen");
    if (!local)
        return {};
    auto name = net::SocketName::adopt(socket.path, service_.ownership);
    if (!name)
        return policy::fail(name.error());
    name_ = std::move(*name);
    return {};
}

policy::Status Run::make_folders()
{
    const auto& socket = service_.socket;
    if (!service_.pid_file.empty())
        if (auto made = make_folder_of(service_.pid_file, service_.account);
            !made)
            return made;
    if (socket.kind != net::SocketSpec::Kind::unix_path)
        return {};
    return make_folder_of(socket.path, service_.account);
}

policy::Status Run::drop_root()
{
    if (!service_.account)
        return {};
    if (geteuid() != 0)
        return become(*service_.account);
    auto names = service_.names;
    if (service_.socket.kind == net::SocketSpec::Kind::unix_path)
        names.push_back(service_.socket.path);
    auto janitor = Janitor::start(names, service_.pid_file);
    if (!janitor)
        return policy::fail(janitor.error());
    if (auto fine = become(*service_.account); !fine)
        return fine;
    if (!service_.pid_file.empty())
        names.push_back(service_.pid_file);
    if (may_remove(names))
        janitor->dismiss();
    return {};
}

policy::Status Run::open()
{
    if (auto made = make_folders(); !made)
        return made;
    if (!service_.pid_file.empty()) {
        auto pid_file = PidFile::create(service_.pid_file, service_.account);
        if (!pid_file)
            return policy::fail(pid_file.error());
        pid_file_.emplace(std::move(*pid_file));
    }
    if (auto fine = register_program(*service_.program); !fine)
        return fine;
    if (auto fine = open_milter_socket(); !fine)
        return fine;
    set_kick_target(service_.socket);
    if (auto fine = service_.bind(); !fine)
        return fine;
    bound_ = OwnFiles{service_.names};
    if (auto fine = drop_root(); !fine)
        return fine;
    return service_.start();
}

int Run::serve()
{
    reloader().start(service_.reload);
    std::thread{[this] { supervise(); }}.detach();
    const int rc = smfi_main();
    // Either a stop is under way, on the other thread, or libmilter gave up.
    const std::lock_guard lock{stopping_};
    say(Level::error, "libmilter ended by itself: " + std::to_string(rc));
    stop(EX_OSERR);
}

void Run::supervise()
{
    if (!signals::libmilter_has_come(start_limit)) {
        say(Level::error, "libmilter does not hand over its signals");
        background_.failed(EX_SOFTWARE);
        end(EX_SOFTWARE);
    }
    say(Level::info, "started, serving " + service_.socket.text());
    background_.ready();
    manager_.ready("serving " + service_.socket.text());
    manager_.watch([this] { return negotiates(); });
    while (true) {
        const int signal = signals::wait();
        if (signal == SIGTERM || signal == SIGINT)
            break;
        reloader().request();
    }
    stopping_.lock();
    stop(EX_OK);
}

/// Ends the process at the limit, whatever the orderly stop is waiting for.
void Run::watch_the_stop(int exit_code)
{
    std::thread{[this, exit_code] {
        std::this_thread::sleep_for(stop_limit);
        say(Level::warning, "stopped before everything was closed");
        end(exit_code);
    }}.detach();
}

/// Whether the milter answers an MTA; tells the log if it does not.
bool Run::negotiates()
{
    const auto wrong = net::negotiate(service_.socket, negotiate_limit);
    if (!wrong.empty())
        say(Level::error, "does not serve: " + wrong);
    return wrong.empty();
}

void Run::stop(int exit_code)
{
    manager_.stopping();
    watch_the_stop(exit_code);
    // libmilter is not told: a listener that has only begun to start would
    // bind the socket anew.  Nobody finds it any more.
    remove_name();
    const auto deadline = std::chrono::steady_clock::now() + handler_limit;
    while (activity().handlers > 0 &&
           std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(1ms);
    service_.stop();
    say(Level::info, "stopped");
    end(exit_code);
}

void Run::remove_name()
{
    const std::lock_guard lock{naming_};
    name_.remove();
}

/// No destructor runs: threads of libmilter may still be in a handler.
void Run::end(int exit_code)
{
    ending_.lock();
    remove_name();
    bound_.remove();
    if (pid_file_)
        pid_file_->remove();
    if (__lsan_do_leak_check && activity().sessions == 0)
        __lsan_do_leak_check();
    _exit(exit_code);
}

/// Each line of an error to the log, and to whoever has started us.
void tell(const Service& service, const std::string& text)
{
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        if (!service.foreground)
            std::cerr << service.program->name << ": " << line << '\n';
        service.log->line(Level::error, "", policy::printable(line));
    }
}

}  // namespace

void request_reload()
{
    reloader().request();
}

int serve(Service& service)
{
    signals::block();
    raise_file_limit();
    auto background =
        service.foreground ? Background::none() : Background::enter();
    if (!background) {
        std::cerr << service.program->name << ": " << background.error().text
                  << '\n';
        return EX_OSERR;
    }
    // Not destroyed after a start: detached threads use it to the end.
    auto* const run = new Run{service, *background};
    if (const auto opened = run->open(); !opened) {
        tell(service, opened.error().text);
        const int code = exit_code_of(opened.error());
        background->failed(code);
        delete run;
        return code;
    }
    return run->serve();
}

}  // namespace milters::milter
