#include "policy/text_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace policy {

Result<std::string> text_of_file(const std::string& path)
{
    errno = 0;
    std::ifstream in{path, std::ios::binary};
    std::ostringstream text;
    // To put nothing out is a failure for a stream.
    if (in && in.peek() != std::ifstream::traits_type::eof())
        text << in.rdbuf();
    if (in || in.eof())
        return text.str();
    return fail(errno == ENOENT ? Errc::gone : Errc::io,
                path + ": " + std::strerror(errno ? errno : EIO));
}

}  // namespace policy
