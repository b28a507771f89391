#include "policy/recipe/file_tree.h"

#include <algorithm>
#include <vector>

namespace policy::recipe {
namespace {

/// NAME_MAX of most file systems.
constexpr std::size_t longest_name = 255;

bool name_fits(const std::string& path)
{
    return path.size() - path.rfind('/') <= longest_name + 1;
}

}  // namespace

std::string parent_of(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

FileTree::FileTree(std::string home) : home_{std::move(home)}
{
    for (const char* path : {"/", "/home", "/var", "/var/mail", "/tmp", "/usr",
                             "/usr/bin", "/bin", "/etc", "/dev"})
        directories_.insert(path);
    directories_.insert(home_);
}

std::string FileTree::full(std::string_view cwd, std::string_view path) const
{
    std::string joined{path};
    if (path.empty() || path[0] != '/') {
        joined = std::string{cwd == "." ? home_ : cwd} + "/" + joined;
        if (joined[0] != '/')
            joined = home_ + "/" + joined;
    }
    std::vector<std::string> names;
    for (std::size_t at = 0; at < joined.size();) {
        const std::size_t slash = std::min(joined.find('/', at), joined.size());
        const std::string name = joined.substr(at, slash - at);
        if (name == ".." && !names.empty())
            names.pop_back();
        else if (!name.empty() && name != "." && name != "..")
            names.push_back(name);
        at = slash + 1;
    }
    std::string out;
    for (const std::string& name : names)
        out += "/" + name;
    return out.empty() ? "/" : out;
}

void FileTree::add_directory(const std::string& path)
{
    for (std::string at = full(home_, path); at != "/"; at = parent_of(at))
        directories_.insert(at);
}

void FileTree::add_file(const std::string& path)
{
    const std::string at = full(home_, path);
    add_directory(parent_of(at));
    files_.insert(at);
}

bool FileTree::is_directory(std::string_view cwd, std::string_view path) const
{
    return !path.empty() && directories_.count(full(cwd, path)) > 0;
}

bool FileTree::writable(const std::string& directory) const
{
    if (directories_.count(directory) == 0)
        return false;
    return directory == home_ || directory.starts_with(home_ + "/") ||
           directory == "/tmp" || directory == "/var/mail" ||
           directory.starts_with("/tmp/") ||
           directory.starts_with("/var/mail/");
}

bool FileTree::make_directory(const std::string& path)
{
    if (directories_.count(path) > 0)
        return true;
    if (files_.count(path) > 0 || !writable(parent_of(path)) ||
        !name_fits(path))
        return false;
    directories_.insert(path);
    return true;
}

bool FileTree::make_file(const std::string& path)
{
    if (directories_.count(path) > 0 || !writable(parent_of(path)) ||
        !name_fits(path))
        return false;
    files_.insert(path);
    return true;
}

}  // namespace policy::recipe
