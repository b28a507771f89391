// What a session of filter-milter needs, in one object.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "milters/current.h"
#include "milters/filter/turns.h"
#include "policy/config/config.h"
#include "policy/filter/apart.h"
#include "policy/filter/lookups.h"
#include "policy/filter/rc_files.h"
#include "policy/filter/seen.h"
#include "policy/filter/smtp.h"
#include "policy/log.h"
#include "policy/map/access_tag.h"

namespace milters::filter {

class Launcher;

/// Made whole at start and at each reload; sessions keep theirs.
struct Runtime {
    std::shared_ptr<const policy::config::Config> config;
    std::shared_ptr<policy::filter::RcFiles> files;
    std::shared_ptr<policy::filter::Lookups> lookups;
    policy::map::TagMap access{policy::map::filter_tag};
    std::shared_ptr<policy::filter::Apart> apart;  ///< outlives reloads
    std::shared_ptr<policy::filter::Seen> seen;    ///< the same
    std::shared_ptr<Turns> turns;                  ///< the same
    std::shared_ptr<Launcher> launcher;            ///< null: no programs
    policy::filter::Settings settings;
    std::set<std::string> user_domains;  ///< lower case
    std::string host;
    policy::Clock clock;
    policy::Log* log = nullptr;
    bool test_mode = false;

    const policy::config::Filter& filter() const { return config->filter; }
};

using Current = milters::Current<Runtime>;

}  // namespace milters::filter
