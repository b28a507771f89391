// What this host does at set times.
#pragma once

#include <string>
#include <vector>

namespace milters::doctor {

/// Files of cron on Debian, Red Hat and FreeBSD that cron would run: scripts
/// that may be executed, no files with a dot in their names; and the services
/// of systemd timers that are switched on.
std::vector<std::string> usual_crontabs();

/// Whether a line of the file, but no remark, runs `vsmtprelay expire`.
bool expires_grants(const std::string& crontab);

}  // namespace milters::doctor
