// What a session of virus-milter needs, in one object.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "milters/current.h"
#include "milters/virus/mailer.h"
#include "policy/config/config.h"
#include "policy/log.h"
#include "policy/map/access_tag.h"
#include "policy/scan/cache.h"
#include "policy/scan/notice.h"
#include "policy/scan/scanner.h"
#include "policy/scan/stats.h"

namespace milters::virus {

/// What lives from start to stop, whatever is reloaded.  Any thread.
struct Lasting {
    policy::Log* log = nullptr;
    policy::Clock clock;
    policy::scan::Stats stats;
    std::unique_ptr<Mailer> mailer;
    /// The hour in which the age of the signatures was complained of.
    std::atomic<std::int64_t> stale_told{0};
    /// The hour in which old copies were removed.
    std::atomic<std::int64_t> expired{0};
    /// The minute in which administrators were told of a fault.
    std::atomic<std::int64_t> fault_told{0};
    /// Whether RCPT may be answered; the MTA is told once, at the start.
    bool answers_rcpt = false;
    bool test_mode = false;
};

/// Made whole at start and at each reload; sessions keep theirs.
struct Runtime {
    std::shared_ptr<const policy::config::Config> config;
    std::shared_ptr<policy::scan::Scanner> scanner;
    std::shared_ptr<policy::scan::VerdictCache> cache;
    std::shared_ptr<const policy::scan::NoticeTexts> texts;
    policy::map::TagMap access{policy::map::virus_tag};
    std::shared_ptr<Lasting> lasting;

    const policy::config::Virus& virus() const { return config->virus; }
    policy::Seconds now() const { return lasting->clock(); }
    bool test_mode() const { return lasting->test_mode; }
};

using Current = milters::Current<Runtime>;

}  // namespace milters::virus
