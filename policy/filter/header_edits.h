// Changes to a header, as a milter can make them.
#pragma once

#include <string>
#include <vector>

#include "policy/recipe/message.h"

namespace policy::filter {

/// A change to the header.  `index` counts fields of that name from 1, as
/// they were before any change.
struct HeaderEdit {
    enum class Kind { remove, add };
    Kind kind;
    std::string name, value;
    int index = 0;

    friend bool operator==(const HeaderEdit&, const HeaderEdit&) = default;
};

/// Turns one header into another: what is gone is removed, what is new is
/// added behind the others, in its order.  Pure.
std::vector<HeaderEdit> differences(const recipe::Message& before,
                                    const recipe::Message& after);

}  // namespace policy::filter
