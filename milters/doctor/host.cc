#include "milters/doctor/host.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "policy/sendmail/words.h"

namespace milters::doctor {
namespace {

using policy::config::SocketSpec;

std::string first_of(const std::string& given, const std::string& usual)
{
    return given.empty() ? usual : given;
}

/// Files of cron on Debian, Red Hat and FreeBSD, but those that are folders.
std::vector<std::string> usual_crontabs()
{
    std::vector<std::string> all{"/etc/crontab",
                                 "/var/spool/cron/crontabs/root",
                                 "/var/spool/cron/root", "/var/cron/tabs/root"};
    for (const char* folder : {"/etc/cron.d", "/usr/local/etc/cron.d",
                               "/etc/cron.daily", "/etc/cron.hourly"}) {
        std::error_code error;
        for (const auto& entry :
             std::filesystem::directory_iterator{folder, error})
            all.push_back(entry.path().string());
    }
    return all;
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

bool same_socket(const std::string& text, const SocketSpec& spec)
{
    const auto read = SocketSpec::parse(text);
    return read && !read->off() && *read == spec;
}

}  // namespace

Milter Host::which(const MailFilter& filter) const
{
    if (filter.name == "postern-milter" ||
        same_socket(filter.socket, config->postern.socket))
        return Milter::all_in_one;
    if (filter.name == "relay-milter" ||
        same_socket(filter.socket, config->relay.socket))
        return Milter::relay;
    if (filter.name == "virus-milter" ||
        same_socket(filter.socket, config->virus.socket))
        return Milter::virus;
    if (filter.name == "filter-milter" ||
        same_socket(filter.socket, config->filter.socket))
        return Milter::filter;
    return Milter::foreign;
}

policy::Result<Host> look_at_host(
    std::shared_ptr<const policy::config::Config> config,
    std::string config_file, const Places& places)
{
    const auto& dir = config->mail_dir;
    auto cf = Cf::read(first_of(places.sendmail_cf, dir + "/sendmail.cf"));
    if (!cf)
        return policy::fail(cf.error());
    Host host{std::move(config),
              std::move(config_file),
              std::move(*cf),
              {},
              first_of(places.submit_cf, dir + "/submit.cf"),
              first_of(places.sendmail, usual_sendmail()),
              places.crontabs.empty() ? usual_crontabs() : places.crontabs,
              {}};
    if (auto submit = Cf::read(host.submit_path))
        host.submit = std::move(*submit);
    if (const auto user = host.cf.option("RunAsUser");
        user && !user->value.empty())
        host.mta = run_as(user->value);
    return host;
}

}  // namespace milters::doctor
