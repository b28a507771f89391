// Starts programs that the administrator lists, as another user, without a
// shell and with an end.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milters/milter/process.h"
#include "policy/recipe/world.h"
#include "policy/result.h"

namespace milters::filter {

/// A process of its own, forked before there are threads and before root is
/// dropped, that starts each program from a child: the milter itself never
/// forks while it serves.  It ends with the milter.  run(): any thread.
class Launcher {
public:
    /// @param account  who programs run as; nullopt: as the milter runs
    static policy::Result<std::shared_ptr<Launcher>> start(
        const std::optional<milter::Account>& account);
    ~Launcher();
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;

    /// Runs `words`[0] with these arguments, `input` on standard input, and
    /// nothing else open but its output.  It is killed, with all that it
    /// started, when `limit` has passed or it wrote too much.
    policy::recipe::ProgramResult run(const std::vector<std::string>& words,
                                      std::string_view input,
                                      std::chrono::milliseconds limit);

private:
    Launcher(int socket, int pid) : socket_{socket}, pid_{pid} {}
    int socket_;
    int pid_;
};

}  // namespace milters::filter
