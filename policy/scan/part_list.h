// The files inside a message, each once.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policy/scan/verdict.h"

namespace policy::scan {

/// libclamav tells of a member of an archive as its container does, often
/// twice, and of the file itself once more when it looks at it.  One thread.
class PartList {
public:
    /// @param most  what the list holds; full() where there is more
    explicit PartList(std::size_t most);

    /// As a container tells of it; its type is not known yet.
    void add_member(Part part);
    /// As the engine sees it.
    void add_file(Part part);

    bool full() const { return full_; }
    std::vector<Part> take() { return std::move(parts_); }

private:
    void push(Part part);

    std::size_t most_;
    std::vector<Part> parts_{};
    std::map<std::string, std::size_t> known_{};  ///< by name, size and level
    bool full_ = false;
};

/// No list holds more, whatever virus.limits.files says.
inline constexpr std::size_t max_listed = 20000;

/// The signature of the finding `limits` of a message whose parts are not all
/// listed, though they were asked for.
inline constexpr const char* parts_limit = "Heuristics.Limits.Exceeded.Parts";

}  // namespace policy::scan
