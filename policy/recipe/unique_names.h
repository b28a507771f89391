// Names of the files that a delivery agent makes while it writes or locks: of
// messages in maildirs, and of those that are renamed once they are complete.
#pragma once

#include <string>
#include <utility>

namespace policy::recipe {

/// procmail's own way to never make a name twice: four names a second, then
/// it waits for the next.  It has a clock of its own, which only sleeping
/// moves.  Value type: a clone of a run gets a copy.
class UniqueNames {
public:
    explicit UniqueNames(std::string host) : host_{std::move(host)} {}

    /// The process id that names are made of.
    void set_process(int id) { process_ = id; }
    void sleep(int seconds) { now_ += seconds; }

    /// time.process_serial.host
    std::string maildir();
    /// Process and time in digits of 64, low ones first, and a mark between.
    std::string temporary();

private:
    void next();

    std::string host_;
    long long now_ = 1000000000;
    long long stamp_ = now_;  ///< the second that `serial_` counts in
    /// The first name was used up for the mailbox, before any recipe ran.
    unsigned serial_ = 0;
    int process_ = 2;
};

}  // namespace policy::recipe
