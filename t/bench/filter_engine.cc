// Messages a second: the recipe engine in this process, or any program started
// for each message, as sendmail starts a delivery agent.
//
//     bench-filter-engine SECONDS RC MESSAGE
//     bench-filter-engine SECONDS --user RC MESSAGE     as a user's file
//     bench-filter-engine SECONDS --spawn MESSAGE PROGRAM ARGUMENT...
//
// Prints one line of JSON: {"messages_per_s": 12345.6}
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "policy/filter/smtp.h"
#include "policy/recipe/machine.h"

extern char** environ;

namespace {

using namespace policy::recipe;
using Clock = std::chrono::steady_clock;

struct EmptyWorld : World {
    std::shared_ptr<const Plan> rc_file(const std::string&, const std::string&,
                                        Scope) override
    {
        return nullptr;
    }
};

std::string read_file(const char* path)
{
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// Calls `one` for this long -> calls a second.
template <class One>
double rate(double seconds, One one)
{
    one();  // patterns are compiled when they are first needed
    long count = 0;
    const auto begin = Clock::now();
    std::chrono::duration<double> took{};
    do {
        one();
        ++count;
        took = Clock::now() - begin;
    } while (took.count() < seconds);
    return static_cast<double>(count) / took.count();
}

double engine(double seconds, const char* rc, const char* mail, bool of_user)
{
    PlanOptions options;
    options.lean = of_user;
    const auto plan = make_plan(read_file(rc), rc, options);
    if (!plan->usable()) {
        std::fprintf(stderr, "%s: %s\n", rc, plan->problems()[0].text.c_str());
        std::exit(1);
    }
    const std::string text = read_file(mail);
    EmptyWorld world;
    RunSetup setup;
    setup.presets = {{"DEFAULT", "box"}};
    setup.host = "here";
    if (of_user)
        setup.late = [](Scope) { return false; };
    return rate(seconds, [&] {
        const auto message = std::make_shared<const Message>(text);
        const Outcome outcome = run(plan, message, setup, world);
        policy::filter::at_smtp_time(outcome, *message, {});
    });
}

double spawned(double seconds, const char* mail, char** argv)
{
    return rate(seconds, [&] {
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, 0, mail, O_RDONLY, 0);
        for (const int out : {1, 2})
            posix_spawn_file_actions_addopen(&files, out, "/dev/null", O_WRONLY,
                                             0);
        pid_t child = 0;
        int status = -1;
        if (posix_spawn(&child, argv[0], &files, nullptr, argv, environ) == 0)
            waitpid(child, &status, 0);
        posix_spawn_file_actions_destroy(&files);
        if (status != 0) {
            std::fprintf(stderr, "%s: status %d\n", argv[0], status);
            std::exit(1);
        }
    });
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 4)
        return 64;
    const double seconds = std::atof(argv[1]);
    const bool spawns = std::strcmp(argv[2], "--spawn") == 0 && argc > 4;
    const bool of_user = std::strcmp(argv[2], "--user") == 0 && argc > 4;
    const double result = spawns ? spawned(seconds, argv[3], argv + 4)
                                 : engine(seconds, argv[of_user ? 3 : 2],
                                          argv[of_user ? 4 : 3], of_user);
    std::printf("{\"messages_per_s\": %.2f}\n", result);
}
