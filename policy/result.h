// Result<T>: the outcome of anything that may fail for a reason outside the
// program (a map that cannot be read, a bad line, a dead server).  Expected
// outcomes are values: "no entry" is an empty optional inside the Result.
// The type is tl::expected, which has the member names of std::expected.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace policy {

/// What kind of failure; callers choose the exit code or reply class by it.
enum class Errc {
    io,       ///< could not read or write (open, lock, short write, disk full)
    format,   ///< the bytes are not what they should be (torn or foreign map)
    parse,    ///< text written by a person is wrong; the text says file:line
    usage,    ///< called with impossible arguments
    timeout,  ///< a deadline passed
    denied,   ///< the system or a rule forbids it
    gone,     ///< what was asked about does not exist (a file, a daemon)
};

/// A failure: kind and one line for the log or the terminal, without newline.
struct Error {
    Errc code;
    std::string text;
};

template <class T>
using Result = tl::expected<T, Error>;

/// Outcome of a step that has no value.
using Status = Result<void>;

/// `return fail(Errc::io, path + ": " + strerror(e));`
inline tl::unexpected<Error> fail(Errc code, std::string text)
{
    return tl::unexpected<Error>(Error{code, std::move(text)});
}

/// Hands an error up unchanged: `return fail(r.error());`
inline tl::unexpected<Error> fail(Error error)
{
    return tl::unexpected<Error>(std::move(error));
}

}  // namespace policy
