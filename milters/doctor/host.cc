#include "milters/doctor/host.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "milters/doctor/cron.h"
#include "milters/doctor/probe.h"
#include "policy/sendmail/words.h"

namespace milters::doctor {
namespace {

using policy::config::SocketSpec;

std::string first_of(const std::string& given, const std::string& usual)
{
    return given.empty() ? usual : given;
}

std::string usual_sendmail()
{
    for (const char* path : {"/usr/sbin/sendmail", "/usr/lib/sendmail",
                             "/usr/libexec/sendmail/sendmail"})
        if (::access(path, X_OK) == 0)
            return path;
    return "/usr/sbin/sendmail";
}

bool is_number(const std::string& text)
{
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// RunAsUser: `user`, `user:group`, names or numbers.
User run_as(const std::string& text)
{
    User user;
    const auto colon = text.find_first_of(":.");
    user.name = text.substr(0, colon);
    if (is_number(user.name))
        user.uid = static_cast<uid_t>(std::strtoul(user.name.c_str(), {}, 10));
    else if (const passwd* entry = ::getpwnam(user.name.c_str()))
        user.uid = entry->pw_uid, user.gid = entry->pw_gid;
    const auto group =
        colon == text.npos ? std::string{} : text.substr(colon + 1);
    if (is_number(group))
        user.gid = static_cast<gid_t>(std::strtoul(group.c_str(), {}, 10));
    else if (const struct group* entry = ::getgrnam(group.c_str()))
        user.gid = entry->gr_gid;
    return user;
}

Milter milter_called(const std::string& name)
{
    return name == "postern-milter"  ? Milter::all_in_one
           : name == "relay-milter"  ? Milter::relay
           : name == "virus-milter"  ? Milter::virus
           : name == "filter-milter" ? Milter::filter
                                     : Milter::foreign;
}

bool same_socket(const std::string& text, const SocketSpec& spec)
{
    const auto read = SocketSpec::parse(text);
    return read && !read->off() && *read == spec;
}

}  // namespace

Milter Site::which(const std::string& name, const std::string& socket) const
{
    const std::pair<const SocketSpec*, Milter> ours[] = {
        {&config->postern.socket, Milter::all_in_one},
        {&config->relay.socket, Milter::relay},
        {&config->virus.socket, Milter::virus},
        {&config->filter.socket, Milter::filter}};
    for (const auto& [spec, milter] : ours)
        if (same_socket(socket, *spec))
            return milter;
    const auto listener = SocketSpec::parse(socket);
    const auto program =
        listener ? program_that_listens(*listener) : std::string{};
    const auto found = milter_called(program);
    return found != Milter::foreign ? found : milter_called(name);
}

Place Site::place_of(const std::string& name) const
{
    const auto text = setting(name);
    const auto colon = text.rfind(':');
    const auto line =
        colon == text.npos ? 0 : std::atoi(text.c_str() + colon + 1);
    return line > 0 ? Place{text.substr(0, colon), line} : Place{text};
}

Site look_at_site(std::shared_ptr<const policy::config::Config> config,
                  std::string config_file, const Places& places)
{
    return {std::move(config),
            std::move(config_file),
            places.crontabs.empty() ? usual_crontabs() : places.crontabs,
            {}};
}

policy::Result<Host> look_at_host(
    std::shared_ptr<const policy::config::Config> config,
    std::string config_file, const Places& places)
{
    const auto dir = config->mail_dir;
    auto cf = Cf::read(first_of(places.sendmail_cf, dir + "/sendmail.cf"));
    if (!cf)
        return policy::fail(cf.error());
    Host host{look_at_site(std::move(config), std::move(config_file), places),
              std::move(*cf),
              {},
              first_of(places.submit_cf, dir + "/submit.cf"),
              first_of(places.sendmail, usual_sendmail())};
    if (auto submit = Cf::read(host.submit_path))
        host.submit = std::move(*submit);
    if (const auto user = host.cf.option("RunAsUser");
        user && !user->value.empty())
        host.mta = run_as(user->value);
    return host;
}

}  // namespace milters::doctor
