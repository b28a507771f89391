// The first half of Parent: loads a set of signatures and tests it.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "milters/scanner/memory.h"
#include "milters/scanner/namespaces.h"
#include "milters/scanner/parent.h"
#include "milters/scanner/self_test.h"
#include "policy/scan/database.h"

namespace milters::scanner {

using policy::Status;

/// The least that nice(2) gives of the processors.
constexpr int nicest = 19;

Status Parent::prepare()
{
    tune_malloc(1);
    sweep(options_.temp_base);
    if (auto s = enclose(); !s)
        return s;
    if (auto s = load(); !s)
        return s;
    return test_set();
}

/// In a thread of its own, since who has become nice stays so.
Status Parent::load()
{
    const auto there = policy::scan::look_at_database(options_.engine.database);
    if (!there)
        return policy::fail(there.error());
    Status out;
    std::thread loader{[&] {
        if (options_.beside)
            ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nicest);
        auto engine = policy::scan::Engine::load(options_.engine);
        if (!engine)
            out = policy::fail(engine.error());
        else
            engine_ = std::move(*engine);
        policy::scan::use_huge_pages();
    }};
    loader.join();
    return out;
}

/// A tmpfs for each worker, or the reason why there is none.
Status Parent::enclose()
{
    const auto own = own_namespaces();
    own_mount_ = own.has_value();
    auto trial = make_folder(0);
    if (!trial && own_mount_) {
        own_mount_ = false;
        no_mount_ = trial.error().text;
        trial = make_folder(0);
    }
    if (!own)
        no_mount_ = own.error().text;
    if (!trial)
        return policy::fail(trial.error());
    return {};
}

Status Parent::test_set()
{
    const auto socket = start_worker(0);
    if (!socket)
        return policy::fail(socket.error());
    const auto good =
        self_test(socket->get(), options_.expect_eicar, options_.known_clean);
    ::kill(workers_[0].pid, SIGKILL);
    ::waitpid(workers_[0].pid, nullptr, 0);
    workers_.erase(0);
    return good;
}

/// What is less good on this host than it could be; empty: nothing.
std::string Parent::shortcomings() const
{
    std::string out;
    if (!own_mount_)
        out = "workers unpack into " + options_.temp_base +
              " itself, whose size is looked after every 0.2 s: no tmpfs (" +
              no_mount_ + ")";
    if (!policy::scan::unpacks_rar())
        out += (out.empty() ? "" : "; ") +
               std::string{
                   "RAR archives are not looked into: libclamunrar is "
                   "not installed"};
    return out;
}

}  // namespace milters::scanner
