#include "milters/doctor/cron.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "policy/sendmail/words.h"

namespace milters::doctor {
namespace {

namespace fs = std::filesystem;

constexpr const char* systemd_folders[] = {
    "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system",
    "/lib/systemd/system"};

/// Files of a folder, but those whose names cron does not take.
std::vector<fs::path> files_in(const std::string& folder)
{
    std::vector<fs::path> all;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{folder, error})
        if (entry.is_regular_file(error) &&
            entry.path().filename().string().find('.') == std::string::npos)
            all.push_back(entry.path());
    return all;
}

/// `Unit=` of a timer; else the service of its name.
std::string service_of(const fs::path& timer)
{
    std::ifstream in{timer};
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("Unit="))
            return std::string{policy::sendmail::trimmed(line.substr(5))};
    return timer.stem().string() + ".service";
}

/// Timers that some target wants, or that run now.
void add_timers(std::vector<std::string>& all)
{
    std::error_code error;
    for (const auto* folder : systemd_folders)
        for (const auto& entry : fs::directory_iterator{
                 std::string{folder} + "/timers.target.wants", error}) {
            const auto service = service_of(entry.path());
            for (const auto* other : systemd_folders)
                all.push_back(std::string{other} + "/" + service);
        }
}

}  // namespace

std::vector<std::string> usual_crontabs()
{
    std::vector<std::string> all{"/etc/crontab", "/etc/anacrontab"};
    for (const char* folder :
         {"/etc/cron.d", "/usr/local/etc/cron.d", "/var/spool/cron/crontabs",
          "/var/spool/cron", "/var/cron/tabs"})
        for (const auto& path : files_in(folder))
            all.push_back(path.string());
    for (const char* folder :
         {"/etc/cron.hourly", "/etc/cron.daily", "/etc/periodic/daily"})
        for (const auto& path : files_in(folder))
            if (::access(path.c_str(), X_OK) == 0)
                all.push_back(path.string());
    add_timers(all);
    return all;
}

bool expires_grants(const std::string& crontab)
{
    static const std::regex command{"\\bvsmtprelay\\b.*\\bexpire\\b"};
    std::ifstream in{crontab};
    for (std::string line; std::getline(in, line);)
        if (const auto text = policy::sendmail::trimmed(line);
            !text.starts_with('#') && !text.starts_with(';') &&
            std::regex_search(text.begin(), text.end(), command))
            return true;
    return false;
}

}  // namespace milters::doctor
