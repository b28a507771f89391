#include "policy/sendmail/address_file.h"

#include <pwd.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "policy/sendmail/words.h"

namespace policy::sendmail {
namespace {

/// Shells of people who may run programs.
bool is_shell(const std::string& path)
{
    constexpr const char* any = "/SENDMAIL/ANY/SHELL/";
    std::ifstream in{"/etc/shells"};
    if (!in || path.empty())
        return path.empty() || path == "/bin/sh" || path == "/bin/bash";
    for (std::string line; std::getline(in, line);)
        if (const auto shell = trimmed(line); shell == path || shell == any)
            return true;
    return false;
}

/// @param ask  fills an entry by a name or a number
template <class Ask>
std::optional<Account> entry_of(Ask ask)
{
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> buffer;
    if (ask(&entry, buffer.data(), buffer.size(), &found) != 0 || !found)
        return std::nullopt;
    return Account{found->pw_name, found->pw_dir, found->pw_uid, found->pw_gid,
                   is_shell(found->pw_shell)};
}

constexpr mode_t may_read = 4, may_search = 1;

/// Whether the reader has a right, 4 or 1; his other groups do not count.
bool has_right(const struct stat& st, const Account& reader, mode_t right)
{
    const unsigned shift = st.st_uid == reader.uid   ? 6
                           : st.st_gid == reader.gid ? 3
                                                     : 0;
    return reader.uid == 0 || (st.st_mode & (right << shift)) != 0;
}

/// Looks at each folder above; false, with an error, where there is no way.
bool walk(const std::string& path, const Account& reader, AddressFile& file)
{
    std::filesystem::path folder;
    for (const auto& part : std::filesystem::path{path}.parent_path()) {
        struct stat st {};
        if (::stat((folder /= part).c_str(), &st) != 0) {
            file.error = std::strerror(errno);
            return false;
        }
        const bool world = (st.st_mode & S_IWOTH) != 0;
        if (world && (st.st_mode & S_ISVTX) != 0)
            file.sticky_folder = true;
        else if (world)
            file.unsafe_folder = "World writable directory";
        else if ((st.st_mode & S_IWGRP) != 0 && file.unsafe_folder.empty())
            file.unsafe_folder = "Group writable directory";
        if (!has_right(st, reader, may_search)) {
            file.error = std::strerror(EACCES);
            return false;
        }
    }
    return true;
}

void read_text(const std::string& path, AddressFile& file)
{
    errno = 0;
    std::ifstream in{path, std::ios::binary};
    std::ostringstream text;
    if (in && in.peek() != std::ifstream::traits_type::eof())
        text << in.rdbuf();
    if (in || in.eof())
        file.text = text.str();
    else
        file.error = std::strerror(errno ? errno : EIO);
}

}  // namespace

std::optional<Account> account_called(const std::string& name)
{
    const auto ask = [&name](passwd* entry, char* buffer, std::size_t size,
                             passwd** found) {
        return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
    };
    auto account = entry_of(ask);
    if (!account && lower(name) != name)
        return account_called(lower(name));
    return account;
}

std::optional<Account> account_of(uid_t uid)
{
    return entry_of(
        [uid](passwd* entry, char* buffer, std::size_t size, passwd** found) {
            return ::getpwuid_r(uid, entry, buffer, size, found);
        });
}

AddressFile read_address_file(const std::string& path, const Account& reader)
{
    AddressFile file;
    if (!path.starts_with('/')) {
        file.error = std::strerror(EACCES);
        return file;
    }
    struct stat st {};
    if (!walk(path, reader, file))
        return file;
    if (::stat(path.c_str(), &st) != 0)
        file.error = std::strerror(errno);
    else if (!S_ISREG(st.st_mode))
        file.error = "Regular files only";
    else if (!has_right(st, reader, may_read))
        file.error = std::strerror(EACCES);
    if (!file.error.empty())
        return file;
    file.group_writable = (st.st_mode & S_IWGRP) != 0;
    file.world_writable = (st.st_mode & S_IWOTH) != 0;
    file.uid = st.st_uid;
    const auto holder = account_of(st.st_uid);
    file.owner = holder ? holder->name : "";
    file.shell_ok = holder && holder->shell_ok;
    read_text(path, file);
    return file;
}

}  // namespace policy::sendmail
