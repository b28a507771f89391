// postern virus: asks the virus-milter that runs.
#pragma once

namespace milters::postern {

/// postern virus status|stats|metrics|reload; see virus-milter(8).
/// @return 0; 1 for a status that needs care (no signatures, old ones, the
///         newest set not taken); sysexits for failures
int virus(int argc, const char* const* argv);

}  // namespace milters::postern
