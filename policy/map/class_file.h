// Class files: local-host-names, relay-domains and the like, as sendmail
// reads them for an F line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace policy::map {

/// How much of a line counts (the scanf format behind the file's name).
enum class ClassFormat {
    first_word,  ///< the default: the rest of a line is a remark
    all_words,   ///< Debian's `%[^\#]`: every word up to a `#` or `\`
};

/// Longest line that is read in one piece; the rest is read as a further one.
inline constexpr std::size_t class_line_max = 2046;

/// The words of a class file.  A `#` in the first column makes a line a
/// remark; leading blanks, CR and empty lines do no harm.
std::vector<std::string> parse_class(std::string_view text, ClassFormat format);

/// Reads a file of at most 16 MiB.
/// @param optional  a missing file has no words (`-o`)
Result<std::vector<std::string>> read_class_file(const std::string& path,
                                                 ClassFormat format,
                                                 bool optional);

}  // namespace policy::map
