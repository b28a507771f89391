// Messages in mbox files, maildirs and folders of files.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "policy/result.h"

namespace milters::postern {

/// A message as it was stored, LF line ends, without From_ line.
struct StoredMail {
    std::string where;   ///< file, for mbox with `#` and a number from 1
    std::string sender;  ///< of the From_ line or Return-Path, else ""
    std::string text;
};

/// A file and its size.
struct MailFile {
    std::string path;
    std::size_t bytes;
};

/// The files below `paths`: of a maildir those in cur and new, of another
/// folder all.  Errc::gone: a path is not there.
policy::Result<std::vector<MailFile>> mail_files(
    const std::vector<std::string>& paths);

/// Calls `each` for the messages of one file; an mbox begins "From ".
policy::Status read_mails(const MailFile& file,
                          const std::function<void(StoredMail)>& each);

}  // namespace milters::postern
