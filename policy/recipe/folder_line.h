// The line of a recipe that names folders.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace policy::recipe {

/// How it begins.  procmail reads a name by itself, since a program's output
/// may be assigned to it, and what follows as if it were a line of its own:
/// box#x is the folder box, and `dir ` two folders, of which one has no name.
struct FolderStart {
    std::vector<std::string> words;  ///< ended by blanks
    std::string tail;                ///< goes on in what follows
    std::size_t used = 0;            ///< bytes of the line
};

/// @param line  begins where the name does; may go on with other lines
/// Pure.
FolderStart folder_start(std::string_view line);

}  // namespace policy::recipe
