// kavmilter.conf: what is not of a group.
#include "policy/migrate/kav_groups.h"
#include "policy/migrate/migrate.h"
#include "policy/sendmail/words.h"

namespace policy::migrate {
namespace {

using sendmail::lower;

constexpr const char* global = "kavmilter.global";
constexpr const char* engine = "kavmilter.engine";
constexpr const char* logging = "kavmilter.log";
constexpr const char* statistics = "kavmilter.statistics";

void service_socket(const Line& line, Draft& draft)
{
    draft.set("virus.socket", line.value, line);
}

void temp_dir(const Line& line, Draft& draft)
{
    draft.set("virus.temp_dir", line.value, line);
}

void scan_requests(const Line& line, Draft& draft)
{
    if (line.value == "0")
        draft.leave(line, "the queue is always bounded: virus.max_waiting");
    else
        draft.set("virus.max_waiting", line.value, line);
}

void scan_time(const Line& line, Draft& draft)
{
    draft.set("virus.limits.scan_time", line.value + "s", line);
}

/// What libclamav does anyway can only be asked for.
void always_on(const Line& line, Draft& draft)
{
    if (!is_yes(line.value))
        draft.leave(line, "it is always done");
}

void facility(const Line& line, Draft& draft)
{
    if (lower(line.value) == "syslog")
        draft.set("log.facility", "mail", line);
    else
        draft.leave(line, "syslog is written, and log.decisions");
}

/// all, -all.debug, scan.debug: the most that any word asks for.
void log_option(const Line& line, Draft& draft)
{
    for (const auto& word : sendmail::split(line.value, ", "))
        if (const auto dot = word.find('.');
            word.front() != '-' && dot != word.npos) {
            const auto level = word.substr(dot + 1);
            if (level == "debug" || level == "9")
                draft.set("log.level", "debug", line);
            else
                draft.leave(line, "log.level is one for all that is logged");
        }
}

void snmp(const Line& line, Draft& draft)
{
    if (lower(line.value) != "none")
        draft.leave(line,
                    "no SNMP: postern virus metrics prints Prometheus text");
}

void statistics_kept(const Line& line, Draft& draft)
{
    if (lower(line.value) != "none" && !line.value.empty())
        draft.leave(line, "postern virus stats prints them; no file is kept");
}

const std::vector<Rule>& rules()
{
    constexpr const char* own_user =
        "the unit starts virus-milter -u postern-virus";
    constexpr const char* no_rotation = "logrotate does it";
    static const std::vector<Rule> all{
        {global, "RunAsUid", nullptr, own_user},
        {global, "RunAsGid", nullptr, own_user},
        {global, "ServiceSocket", service_socket},
        {global, "MilterTimeout", nullptr,
         "T= of the .mc file: FEATURE(`postern_virus')"},
        {global, "WatchdogMaxRetries", nullptr,
         "a worker that dies is started anew without a limit"},
        {global, "TempDir", temp_dir},
        {global, "LicensedUsersDomains", nullptr, "there is no licence"},
        {"kavmilter.snmp", "SNMPServices", snmp},
        {"kavmilter.snmp", "SNMPTraps", snmp},
        {"kavmilter.snmp", "", nullptr, "no SNMP"},
        {"kavmilter.agentx", "", nullptr, "no SNMP"},
        {engine, "MaxScanRequests", scan_requests},
        {engine, "MaxScanTime", scan_time},
        {engine, "ScanArchives", always_on},
        {engine, "ScanPacked", always_on},
        {engine, "ScanCodeanalyzer", always_on},
        {engine, "UseAVBasesSet", nullptr, "the signatures are ClamAV's"},
        {logging, "LogFacility", facility},
        {logging, "LogOption", log_option},
        {logging, "LogFilepath", nullptr,
         "syslog is written, and log.decisions"},
        {logging, "LogRotate", nullptr, no_rotation},
        {logging, "RotateSize", nullptr, no_rotation},
        {logging, "RotateRounds", nullptr, no_rotation},
        {statistics, "", statistics_kept},
        {"path", "BasesPath", nullptr, "the signatures are ClamAV's"},
        {"path", "LicensePath", nullptr, "there is no licence"},
        {"locale", "", nullptr, "dates are as syslog and RFC 5322 have them"},
        {"updater.path", "", nullptr, "freshclam fetches the signatures"},
        {"updater.options", "", nullptr, "freshclam fetches the signatures"},
        {"updater.report", "", nullptr, "freshclam fetches the signatures"},
    };
    return all;
}

}  // namespace

void read_kavmilter(const Source& conf, const std::vector<Source>& groups,
                    const Source& disclaimer, Draft& draft)
{
    for (const auto& line : ini_lines(conf))
        apply(line, rules(), draft);
    for (const auto& group : groups)
        read_group(group, disclaimer, draft);
}

}  // namespace policy::migrate
