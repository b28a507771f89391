// Notices, quarantine and disclaimer of the virus section.
#include <algorithm>
#include <array>

#include "policy/config/section.h"
#include "policy/config/virus.h"
#include "policy/scan/notice.h"

namespace policy::config {
namespace {

using Strings = std::vector<std::string>;

class Reader : SectionReader {
public:
    using SectionReader::SectionReader;

    void notify(scan::NotifySettings& out)
    {
        const std::string in = "virus.notify.";
        out.admin = words(in + "admin", true);
        out.sender = words(in + "sender", false);
        out.recipients = words(in + "recipients", false);
        out.admins = values_.get<Strings>(in + "admins");
        out.from = text(in + "from");
        out.own = masks(in + "own");
        out.networks = values_.get<std::vector<Network>>(in + "networks");
        out.templates = text(in + "templates");
        out.sendmail = text(in + "sendmail");
        if (!out.admin.empty() && out.admins.empty())
            complain(in + "admin", "nobody is in virus.notify.admins");
        if (out.admin.empty() && out.sender.empty() && out.recipients.empty())
            return;
        if (const auto read = scan::NoticeTexts::load(out.templates); !read)
            complain(in + "templates", read.error().text);
    }

    void quarantine(scan::QuarantineSettings& out)
    {
        const std::string in = "virus.quarantine.";
        out.in_folder = text(in + "where") == "folder";
        out.folder = text(in + "folder");
        out.whole = text(in + "what") == "message";
        out.max_age = std::chrono::ceil<std::chrono::seconds>(
            values_.get<Milliseconds>(in + "max_age"));
        for (const auto& word : values_.get<Strings>(in + "copies"))
            if (const auto action = scan::parse_action(word))
                out.copies.push_back(*action);
            else
                complain(in + "copies", "'" + word + "' is not an action");
    }

    void disclaimer(scan::DisclaimerSettings& out)
    {
        out.text = text("virus.disclaimer.text");
        out.direction =
            scan::parse_direction(text("virus.disclaimer.direction"));
    }

private:
    Strings words(const std::string& name, bool admin)
    {
        constexpr std::array<std::string_view, 2> admins{"fault", "update"};
        Strings out = values_.get<Strings>(name);
        for (const auto& word : out)
            if (!scan::parse_status(word) && word != "all" &&
                word != "filtered" &&
                !(admin && std::count(admins.begin(), admins.end(), word)))
                complain(name, "'" + word + "' is nothing to be told of");
        return out;
    }
};

}  // namespace

void read_aftermath(const Values& values, Problems& problems, Virus& out)
{
    Reader reader{values, problems};
    reader.notify(out.notify);
    reader.quarantine(out.quarantine);
    reader.disclaimer(out.disclaimer);
}

}  // namespace policy::config
