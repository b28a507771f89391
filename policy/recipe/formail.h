// formail(1) without starting it: what recipes use it for, which is to read
// and edit header fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace policy::recipe {

/// An understood command line.
struct Formail {
    struct Rename {
        std::string from, to;
    };
    std::vector<std::string> add;            ///< -A
    std::vector<std::string> add_if_absent;  ///< -a
    std::vector<std::string> replace;        ///< -I
    std::vector<std::string> replace_keep;   ///< -i: the old one as Old-
    std::vector<Rename> rename;              ///< -R
    std::vector<std::string> first_only;     ///< -u
    std::vector<std::string> last_only;      ///< -U
    std::vector<std::string> extract;        ///< -x: contents
    std::vector<std::string> extract_whole;  ///< -X: with the name
    std::string duplicates;                  ///< -D: name of the cache
    bool join = false;                       ///< -c
    bool zap = false;                        ///< -z
    bool edits() const { return extract.empty() && extract_whole.empty(); }
};

/// Reads argv, with formail itself as the first word.  Errc::denied, with what
/// to do about it, for another program or an option that is not built in.
Result<Formail> parse_formail(const std::vector<std::string>& words);

/// What formail writes for `mail`: a header, and a body if there is one.
std::string run_formail(const Formail& call, std::string_view mail);

/// Why a command line, as after a pipe or in backquotes, is not run; "" if it
/// is a built-in formail and needs no shell.  Variables count as unset.
std::string refuse_command(std::string_view line,
                           const std::vector<std::string>& programs = {});

/// Whether a command that refuse_command() lets pass is a formail that does
/// nothing but write text.
bool only_writes(std::string_view line);

/// Contents of the first Message-ID field, "" if there is none.
std::string message_id(std::string_view mail);

}  // namespace policy::recipe
