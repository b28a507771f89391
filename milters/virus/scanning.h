// From a message to its verdict, and from the verdict to what is to be done.
#pragma once

#include <string_view>

#include "milters/milter/session.h"
#include "milters/virus/transaction.h"
#include "policy/scan/plan.h"

namespace milters::virus {

/// Has one message scanned, and parts of it.  Valid during eom only; the MTA
/// is told that we are busy while a scan waits or runs.
class Scanning {
public:
    Scanning(const Runtime& runtime, milter::Context& mta,
             const Transaction& mail)
        : runtime_{runtime}, mta_{mta}, mail_{mail}
    {
    }

    /// The verdict on the whole message, remembered or new.  Whatever goes
    /// wrong is the status `error`.
    policy::scan::Verdict whole(Message& message);
    /// Whether it was remembered.
    bool remembered() const { return remembered_; }

    /// What is to be done about these bytes alone: a message with a header.
    policy::scan::Plan plan_for(std::string_view bytes);

    /// What is to be done about a verdict on this message.
    policy::scan::Plan plan(const policy::scan::Verdict& verdict) const;

private:
    policy::scan::Want wanted() const;
    std::optional<std::string> stale(const policy::scan::EngineInfo& engine);
    policy::scan::Verdict scan_file(const scanner::MemFile& file, bool urgent);
    policy::scan::Verdict scan(const Message& message, bool urgent);
    void add_names(policy::scan::Verdict& verdict, std::string_view bytes);

    const Runtime& runtime_;
    milter::Context& mta_;
    const Transaction& mail_;
    bool remembered_ = false;
};

}  // namespace milters::virus
