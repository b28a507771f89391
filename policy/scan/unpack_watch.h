// Whether libclamav could write down what it unpacked.
#pragma once

namespace policy::scan {

/// libclamav writes most parts of a message to files and reads them again, and
/// does not always look whether that worked: with a full disk a small part
/// never leaves the buffer of stdio, nothing is said, and the message is clean.
/// A program that links this has write(2), open(2), mkdir(2), mmap(2) and
/// fclose(3) of its own, which do the same and remember what failed.  Each
/// thread has a memory of its own.
class UnpackWatch {
public:
    /// Forgets what was.
    UnpackWatch();
    /// What failed first since then ("write: No space left on device"), or
    /// null.
    const char* failure() const;

    /// Whether the library's calls really come here.  Call once before a
    /// sandbox is entered.
    static bool works();
};

}  // namespace policy::scan
