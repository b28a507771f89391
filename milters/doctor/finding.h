// What the doctor has found: cause, place and cure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace milters::doctor {

/// Where something is wrong.
struct Place {
    std::string file;
    int line = 0;  ///< from 1; 0: the file as a whole

    /// `file:line`, or `file`.
    std::string text() const
    {
        return line ? file + ":" + std::to_string(line) : file;
    }
};

/// One finding.
struct Finding {
    Place place;
    std::string cause;        ///< a clause: "mail passes it while it is down"
    std::string cure;         ///< an imperative: "write F=T"
    std::string_view name{};  ///< of the check; see checks.h
};

using Findings = std::vector<Finding>;

}  // namespace milters::doctor
