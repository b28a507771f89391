// A scan as libclamav's callbacks see it.
#pragma once

#include <clamav.h>

#include <string>
#include <string_view>
#include <vector>

#include "policy/scan/options.h"
#include "policy/scan/part_cache.h"
#include "policy/scan/part_list.h"
#include "policy/scan/verdict.h"

namespace policy::scan {

/// The scan that runs in this thread, for libclamav's callbacks.
struct Running {
    PartCache& cache;
    const Limits& limits;
    bool want_parts;
    PartList parts{limits.files};
    Verdict verdict{};
    std::vector<Digest> seen{};
    std::vector<std::string> types{};  ///< of the files around, outermost first

    /// The status is `error`; the first cause is kept.
    void fail(std::string_view cause);
    /// The verdict that a return code itself carries.
    void judge(cl_error_t rc, const char* name);
};

/// From now on this is the scan of this thread; null: none.
void set_running(Running* scan);

/// Has the engine tell of what it finds and unpacks.
void set_callbacks(cl_engine* engine);

/// Whether a file of YARA rules, or some of them, was passed over.
bool tells_of_lost_rules(std::string_view load_errors);

/// Has the library tell of its errors: of a scan if one runs in the thread,
/// else to `load_errors`.
/// @param load_errors  collects what is said while signatures load; null: none
void watch_messages(std::string* load_errors);

}  // namespace policy::scan
