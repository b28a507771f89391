#include "policy/scan/database.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string_view>
#include <vector>

namespace policy::scan {
namespace {

namespace fs = std::filesystem;

/// What libclamav loads from a folder (clamav documentation, "Signatures").
constexpr std::array<std::string_view, 35> extensions = {
    ".cvd", ".cld",  ".cud", ".db",  ".hdb", ".hsb", ".hdu", ".hsu", ".fp",
    ".sfp", ".mdb",  ".msb", ".mdu", ".msu", ".imp", ".ndb", ".ndu", ".ldb",
    ".ldu", ".sdb",  ".zmd", ".rmd", ".idb", ".wdb", ".pdb", ".gdb", ".ftm",
    ".ign", ".ign2", ".cdb", ".cat", ".crb", ".cbc", ".yar", ".yara"};

bool is_database(const fs::path& path)
{
    const std::string extension = path.extension().string();
    return std::find(extensions.begin(), extensions.end(), extension) !=
               extensions.end() ||
           path.extension() == ".pwdb" || path.extension() == ".cfg";
}

}  // namespace

Result<std::vector<std::string>> database_files(const std::string& path)
{
    std::error_code error;
    if (!fs::is_directory(path, error))
        return std::vector{path};
    std::vector<std::string> out;
    fs::directory_iterator it{path, error};
    if (error)
        return fail(Errc::io, path + ": " + error.message());
    for (; it != fs::directory_iterator{}; it.increment(error)) {
        if (is_database(it->path()))
            out.push_back(it->path().string());
        if (error)
            return fail(Errc::io, path + ": " + error.message());
    }
    std::sort(out.begin(), out.end());
    return out;
}

tl::unexpected<Error> not_a_file(const std::string& path)
{
    return fail(Errc::format, path + ": not a file");
}

void DatabaseState::note(const std::string& path, const struct stat& file)
{
    ++files;
    bytes += static_cast<std::uint64_t>(file.st_size);
    newest = std::max<std::int64_t>(newest, file.st_mtim.tv_sec);
    fingerprint += fs::path{path}.filename().string() + ":" +
                   std::to_string(file.st_ino) + ":" +
                   std::to_string(file.st_size) + ":" +
                   std::to_string(file.st_mtim.tv_sec) + "." +
                   std::to_string(file.st_mtim.tv_nsec) + "\n";
}

Result<DatabaseState> look_at_database(const std::string& path)
{
    const auto files = database_files(path);
    if (!files)
        return fail(files.error());
    DatabaseState state;
    for (const std::string& file : *files) {
        struct stat s {};
        if (::stat(file.c_str(), &s) == 0) {
            if (!S_ISREG(s.st_mode))
                return not_a_file(file);
            state.note(file, s);
            continue;
        }
        const int error = errno;
        if (error == ENOENT && files->size() > 1)
            continue;  // replaced while we looked: the next look sees it
        return fail(error == ENOENT ? Errc::gone : Errc::io,
                    file + ": " + std::strerror(error));
    }
    if (state.files == 0)
        return fail(Errc::gone, path + ": no signature files");
    return state;
}

std::string day_of(std::int64_t seconds, const char* form)
{
    const std::time_t when = seconds;
    std::tm parts{};
    char text[16] = "";
    if (::gmtime_r(&when, &parts))
        std::strftime(text, sizeof text, form, &parts);
    return text;
}

void use_huge_pages()
{
    constexpr std::uintptr_t huge = 2 << 20;
    constexpr int collapse = 25;  // MADV_COLLAPSE, since Linux 6.1
    std::ifstream in{"/proc/self/maps"};
    for (std::string line; std::getline(in, line);) {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        char rights[5] = "";
        unsigned long inode = 1;
        if (std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %lu", &begin, &end,
                        rights, &inode) != 4 ||
            inode != 0 || rights[1] != 'w' || rights[3] != 'p' ||
            line.find("[stack") != std::string::npos || end - begin < huge)
            continue;
        auto* const start = reinterpret_cast<void*>(begin);
        ::madvise(start, end - begin, MADV_HUGEPAGE);
        ::madvise(start, end - begin, collapse);
    }
}

bool unpacks_rar()
{
    std::ifstream in{"/proc/self/maps"};
    for (std::string line; std::getline(in, line);)
        if (line.find("libclamunrar") != std::string::npos)
            return true;
    return false;
}

std::uint64_t available_memory()
{
    std::ifstream in{"/proc/meminfo"};
    std::string word;
    std::uint64_t kib = 0;
    while (in >> word)
        if (word == "MemAvailable:" && in >> kib)
            return kib * 1024;
    return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace policy::scan
