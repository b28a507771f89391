// Whether servers answer, whichever the MTA is.
#pragma once

#include <string>
#include <vector>

#include "milters/doctor/finding.h"
#include "milters/doctor/host.h"

namespace milters::doctor {

/// The SASL configuration of an MTA: its file and what it says.
struct SaslFile {
    std::string path;
    std::string text;
};

/// The first that can be read.
SaslFile sasl_file(const std::vector<std::string>& folders,
                   const std::vector<std::string>& names);

/// @param root  folder that the MTA takes for the root; empty: the root
Findings saslauthd_of(const SaslFile& file, const std::string& root);

/// Why a milter does not negotiate; empty: it does.
std::string silence_of(const policy::config::SocketSpec& spec);

/// Whether the user has the right to connect; also where nobody listens.
bool may_connect(const User& user, const policy::config::SocketSpec& spec);

}  // namespace milters::doctor
