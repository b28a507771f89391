// postern quarantine: messages that virus-milter has kept in its folder.
#pragma once

namespace milters::postern {

/// postern quarantine list|show|release|delete|expire; see virus-milter(8).
/// @return 0; 1 if there is no message of that id; sysexits for failures
int quarantine(int argc, const char* const* argv);

}  // namespace milters::postern
