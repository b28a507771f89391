// Who may change a file, and so what sendmail reads from it.
#pragma once

#include <string>

#include "milters/doctor/host.h"

namespace milters::doctor {

/// The first folder above `path` which sendmail would not trust for a socket:
/// its owner is neither root, TrustedUser nor RunAsUser, or group or others
/// may write to it.  Empty if there is none.
/// Source: safefile() of sendmail, DontBlameSendmail.
std::string unsafe_folder(const Host& host, const std::string& path);

/// The file, or the first folder above it, that anybody may write to; empty
/// if there is none or nothing is there.  A sticky folder, as /tmp, counts
/// unless DontBlameSendmail has TrustStickyBit.
std::string world_writable(const Host& host, const std::string& path);

}  // namespace milters::doctor
