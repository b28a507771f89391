// The minute that sendmail waits for a name of this host.
#pragma once

namespace milters::doctor {

/// Whether sendmail finds no name with a dot for this host, and so waits 60 s
/// at each start.  Asks the resolver for 5 s at the most, once.
/// Source: myhostname() and main() of sendmail.
bool waits_for_name();

}  // namespace milters::doctor
