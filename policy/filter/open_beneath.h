// Opens a file whose name somebody else chose.
#pragma once

#include <string>
#include <string_view>

#include "policy/fd.h"

namespace policy::filter {

/// Opens a file for reading; a pipe or a device does not hold it up.
///
/// @param path     absolute if `folder` is empty, else it begins with `folder`
/// @param folder   no link and no `..` leads out of it; empty: any place
/// @param no_links a symbolic link anywhere in the path is an error
/// @return the file, or nothing with errno: ELOOP for a link, EXDEV for a
///         place outside of `folder`, and those of open(2)
/// Source: openat2(2); where the system has none, each folder of the path is
/// opened by itself.
Fd open_beneath(const std::string& path, const std::string& folder,
                bool no_links);

/// The part of open_beneath() that needs nothing but openat(2): no link may be
/// in `path` at all, and no `..`.  `at`: a folder, or AT_FDCWD.
Fd open_step_by_step(int at, std::string_view path);

}  // namespace policy::filter
