// Who may send, whichever the MTA is.
#pragma once

#include "milters/doctor/finding.h"
#include "milters/doctor/host.h"

namespace milters::doctor {

/// relay.features that relay-milter will not have.
Findings promiscuous_setting(const Site& site);

}  // namespace milters::doctor
