// The version that every program prints.
#pragma once

namespace policy {

inline constexpr const char* version = "0.1.0";

}  // namespace policy
