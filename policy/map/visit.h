// What all readers of map files give their entries to.
#pragma once

#include <functional>
#include <string_view>

namespace policy::map {

/// Gets each entry's key and value; they are valid during the call only.
using Visit = std::function<void(std::string_view, std::string_view)>;

}  // namespace policy::map
