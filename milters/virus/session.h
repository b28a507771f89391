// virus-milter's session: gathers a message, has it scanned, and obeys.
#pragma once

#include <memory>

#include "milters/milter/collecting.h"
#include "milters/virus/runtime.h"

namespace milters::virus {

/// The stages, macros and edits that a VirusSession needs.
/// @param answers_rcpt  recipients may be asked to come again
milter::Needs virus_needs(bool answers_rcpt);

/// One SMTP connection.
class VirusSession final : public milter::CollectingSession {
public:
    explicit VirusSession(std::shared_ptr<const Runtime> runtime)
        : runtime_{std::move(runtime)}
    {
    }

private:
    std::unique_ptr<milter::Collected> begin(milter::Origin origin) override;

    std::shared_ptr<const Runtime> runtime_;
};

}  // namespace milters::virus
