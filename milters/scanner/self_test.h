// What a set of signatures must show before it is used.
#pragma once

#include <string>
#include <vector>

#include "policy/result.h"

namespace milters::scanner {

/// Has a worker scan the built-in samples and these files.
/// @param socket        the worker's
/// @param expect_eicar  the EICAR test file must be found, too
/// @param known_clean   paths of files in which nothing may be found
/// @return Errc::format with the sample's name if the set is not good
policy::Status self_test(int socket, bool expect_eicar,
                         const std::vector<std::string>& known_clean);

}  // namespace milters::scanner
