#include "milters/scanner/held_set.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace milters::scanner {
namespace {

using policy::Errc;
using policy::Status;

/// Above what a process that is started finds open (process.cc).
constexpr int first_number = 10;

Status failed(const std::string& path)
{
    const int error = errno;
    return policy::fail(error == ENOENT ? Errc::gone : Errc::io,
                        path + ": " + std::strerror(error));
}

std::string new_folder(const std::string& base)
{
    static std::atomic<unsigned> number{0};
    return base + "/postern-set." + std::to_string(::getpid()) + "." +
           std::to_string(++number);
}

}  // namespace

Status HeldSet::add(const std::string& file)
{
    const Fd opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!opened)
        return failed(file);
    Fd held{::fcntl(opened.get(), F_DUPFD_CLOEXEC, first_number)};
    struct stat s {};
    if (!held || ::fstat(held.get(), &s) != 0)
        return failed(file);
    if (!S_ISREG(s.st_mode))
        return policy::scan::not_a_file(file);
    const std::string name = std::filesystem::path{file}.filename().string();
    const std::string target = "/proc/self/fd/" + std::to_string(held.get());
    const std::string link = folder_ + "/" + name;
    if (::symlink(target.c_str(), link.c_str()) != 0)
        return failed(link);
    state_.note(name, s);
    names_.push_back(name);
    files_.push_back(std::move(held));
    return {};
}

policy::Result<HeldSet> HeldSet::take(const std::string& database,
                                      const std::string& base)
{
    const auto files = policy::scan::database_files(database);
    if (!files)
        return policy::fail(files.error());
    HeldSet set;
    const std::string folder = new_folder(base);
    if (::mkdir(folder.c_str(), 0700) != 0)
        return policy::fail(failed(folder).error());
    set.folder_ = folder;
    for (const std::string& file : *files)
        if (auto s = set.add(file); !s) {
            // One of many that is replaced while we look is seen next time.
            if (s.error().code == Errc::gone && files->size() > 1)
                continue;
            return policy::fail(s.error());
        }
    if (set.files_.empty())
        return policy::fail(Errc::gone, database + ": no signature files");
    return set;
}

HeldSet::HeldSet(HeldSet&& other) noexcept
    : folder_{std::exchange(other.folder_, {})},
      names_{std::move(other.names_)},
      files_{std::move(other.files_)},
      state_{std::move(other.state_)}
{
}

HeldSet::~HeldSet()
{
    if (folder_.empty())
        return;
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

bool HeldSet::unchanged() const
{
    policy::scan::DatabaseState now;
    for (std::size_t i = 0; i < files_.size(); ++i) {
        struct stat s {};
        if (::fstat(files_[i].get(), &s) != 0)
            return false;
        now.note(names_[i], s);
    }
    return now == state_;
}

}  // namespace milters::scanner
