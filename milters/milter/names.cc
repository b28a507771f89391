#include "milters/milter/names.h"

#include "milters/milter/process.h"

namespace milters::milter {
namespace {

using policy::config::Problems;
using policy::config::Values;

/// Settings of a section that name a user, `user` or `user:group`, and a
/// group.
constexpr const char* owners[] = {".socket_owner", ".login.socket_owner"};
constexpr const char* accounts[] = {".program_user", ".scanner_user"};
constexpr const char* groups[] = {
    ".socket_group",         ".map_socket_group",   ".policy_socket_group",
    ".control_socket_group", ".login.socket_group", ".control_group"};

policy::Result<Account> find_owner(const std::string& name)
{
    return name.find(':') == std::string::npos
               ? Account::find(name)
               : policy::fail(policy::Errc::gone, "no user " + name);
}

/// What `find` does not find of a setting that the file has.
template <class Find>
void check(const Values& values, const std::string& name, Find find,
           Problems& problems)
{
    if (!values.given(name))
        return;
    const auto text = values.get<std::string>(name);
    if (text.empty())
        return;
    if (const auto found = find(text); !found)
        problems.push_back(values.place(name) + ": " + name + ": " +
                           found.error().text);
}

}  // namespace

Problems unknown_names(const policy::config::Config& config,
                       const Options& options,
                       const std::vector<std::string>& sections)
{
    Problems problems;
    if (options.user.empty())
        check(config.values, "user", Account::find, problems);
    for (const auto& section : sections) {
        for (const char* const name : owners)
            check(config.values, section + name, find_owner, problems);
        for (const char* const name : accounts)
            check(config.values, section + name, Account::find, problems);
        for (const char* const name : groups)
            check(config.values, section + name, find_group, problems);
    }
    return problems;
}

}  // namespace milters::milter
