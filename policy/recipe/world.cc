#include "policy/recipe/world.h"

namespace policy::recipe {

ProgramResult World::run_program(const std::vector<std::string>& words,
                                 std::string_view)
{
    return {127, {}, "Programs are not run here: " + words[0]};
}

Result<std::optional<std::string>> World::lookup(const std::string& map,
                                                 const std::string&, Scope)
{
    return fail(Errc::usage, "There is no map " + map);
}

Presets procmail_presets(const std::string& user, const std::string& home,
                         const std::string& host)
{
    const std::string mailbox = "/var/mail/" + user;
    return {{"LOGNAME", user},
            {"HOME", home},
            {"SHELL", "/bin/sh"},
            {"PROCMAIL_VERSION", "3.23pre"},
            {"HOST", host},
            {"SENDMAIL", "/usr/sbin/sendmail"},
            {"SENDMAILFLAGS", "-oi"},
            {"SHELLFLAGS", "-c"},
            {"SHELLMETAS", "&|<>~;?*["},
            {"LOCKEXT", ".lock"},
            {"MSGPREFIX", "msg."},
            {"DEFAULT", mailbox},
            {"ORGMAIL", mailbox},
            {"MAILDIR", home},
            {"PATH", home + "/bin:/usr/local/bin:/usr/bin:/bin"},
            {"LINEBUF", "2048"}};
}

bool World::seen_before(const std::string&, const std::string&, Scope)
{
    return false;
}

}  // namespace policy::recipe
