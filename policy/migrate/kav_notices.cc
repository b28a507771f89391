#include "policy/migrate/kav_notices.h"

#include <map>
#include <set>

#include "policy/sendmail/words.h"

namespace policy::migrate {
namespace {

using sendmail::lower;
using sendmail::split;

constexpr const char* notifications = "group.notifications";
constexpr const char* backup = "group.backup";

/// The lines of one group.
class Reader {
public:
    Reader(const std::vector<Line>& lines, bool all, Draft& draft)
        : lines_{lines}, all_{all}, draft_{draft}
    {
    }

    void read()
    {
        for (const auto& line : lines_)
            if (line.section == backup)
                keeps(line);
            else if (line.section == notifications)
                notifies(line);
        if (all_)
            notices();
    }

private:
    const Line* find(std::string_view key) const
    {
        for (const auto& line : lines_)
            if (lower(line.key) == key)
                return &line;
        return nullptr;
    }

    std::string policy() const
    {
        const auto* line = find("backuppolicy");
        return line ? lower(line->value) : "";
    }

    void keeps(const Line& line)
    {
        const auto key = lower(line.key);
        if (key != "backuppolicy" && key != "backupoption" &&
            key != "backupdir")
            draft_.leave(line, "unknown here");
        else if (!all_)
            draft_.leave(line, "virus.quarantine is one for all groups");
        else if (key == "backupdir")
            draft_.set("virus.quarantine.folder", line.value, line);
        else if (key == "backuppolicy" && lower(line.value) != "none")
            draft_.set("virus.quarantine.what", lower(line.value), line);
        else if (key == "backupoption" && policy() != "none")
            copies(line);
    }

    /// What was done -> our actions of which a copy is kept.
    void copies(const Line& line)
    {
        static const std::map<std::string, std::vector<std::string>> words{
            {"cured", {"strip"}},
            {"deleted", {"strip"}},
            {"dropped", {"discard"}},
            {"rejected", {"reject"}},
            {"warning", {"strip"}},
            {"renamed", {"rename"}},
            {"all", {"strip", "discard", "reject", "rename"}}};
        for (const auto& word : split(lower(line.value), ", ")) {
            const auto found = words.find(word);
            if (found == words.end())
                draft_.leave(line, "unknown outcome " + word);
            else
                for (const auto& ours : found->second)
                    if (copied_.insert(ours).second)
                        draft_.append("virus.quarantine.copies", ours, line);
        }
    }

    /// What stays behind, and why.
    void notifies(const Line& line)
    {
        static const std::set<std::string> together{
            "enablenotifications", "notifysender",   "notifyrecipients",
            "notifyadmin",         "adminaddresses", "postmasteraddress",
            "sendmailpath",        "rejectreply"};
        const auto key = lower(line.key);
        if (together.contains(key)) {
            if (!all_)
                draft_.leave(line, "virus.notify is one for all groups");
        } else if (key == "usecustomtemplates") {
            if (is_yes(line.value))
                draft_.leave(line,
                             "copy message_admin_notify, _sender_notify, "
                             "_recipients_notify, _admin_fault and "
                             "_admin_update to admin, sender, recipient, fault "
                             "and update in a folder, and name that in "
                             "virus.notify.templates");
        } else if (key.ends_with("subject")) {
            draft_.leave(line,
                         "begin the templates of virus.notify.templates "
                         "with a line `Subject: " +
                             line.value + "'");
        } else {
            draft_.leave(line,
                         "notices are written from templates of our own: "
                         "virus.notify.templates");
        }
    }

    /// Who is told of what; nobody where notices are off.
    void notices()
    {
        if (const auto* reply = find("rejectreply"))
            draft_.set("virus.reject_text", reply->value, *reply);
        if (const auto* off = find("enablenotifications");
            off && !is_yes(off->value))
            return;
        for (const auto& line : lines_)
            notice(line);
    }

    void notice(const Line& line)
    {
        const auto key = lower(line.key);
        if (key == "adminaddresses")
            for (const auto& address : split(line.value, ", "))
                draft_.append("virus.notify.admins", address, line);
        else if (key == "postmasteraddress")
            draft_.set("virus.notify.from", line.value, line);
        else if (key == "sendmailpath")
            draft_.set("virus.notify.sendmail", line.value, line);
        else if (key == "notifysender")
            told("virus.notify.sender", line);
        else if (key == "notifyrecipients")
            told("virus.notify.recipients", line);
        else if (key == "notifyadmin" && find("adminaddresses"))
            told("virus.notify.admin", line);
        else if (key == "notifyadmin")
            draft_.leave(line, "there are no AdminAddresses");
    }

    void told(const std::string& name, const Line& line)
    {
        for (const auto& word : split(lower(line.value), ", "))
            if (word == "discard")
                draft_.leave(line, "discarded mail is told of by its status");
            else if (word != "none" && told_.insert(name + word).second)
                draft_.append(name, word, line);
    }

    const std::vector<Line>& lines_;
    bool all_;
    Draft& draft_;
    std::set<std::string> copied_;
    std::set<std::string> told_;
};

}  // namespace

bool is_notice(const Line& line)
{
    return line.section == backup || line.section == notifications;
}

void read_notices(const std::vector<Line>& lines, bool all, Draft& draft)
{
    Reader{lines, all, draft}.read();
}

std::string text_of_template(std::string_view text)
{
    std::string out;
    for (const auto& line : split(text, "\n"))
        if (!line.starts_with('#'))
            out += (out.empty() ? "" : " ") + line;
    return out;
}

}  // namespace policy::migrate
