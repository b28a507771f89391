// filter-milter's session: gathers a message, runs recipes, and obeys.
#pragma once

#include <memory>

#include "milters/filter/runtime.h"
#include "milters/milter/collecting.h"

namespace milters::filter {

/// The stages, macros and edits that a FilterSession needs.
milter::Needs filter_needs();

/// One SMTP connection.
class FilterSession final : public milter::CollectingSession {
public:
    explicit FilterSession(std::shared_ptr<const Runtime> runtime)
        : runtime_{std::move(runtime)}
    {
    }

private:
    std::unique_ptr<milter::Collected> begin(milter::Origin origin) override;

    std::shared_ptr<const Runtime> runtime_;
};

}  // namespace milters::filter
