// postern replay: what recipes do to the mail that is there.
#pragma once

namespace milters::postern {

/// `replay --rc FILE PATH...` or `replay --old FILE --new FILE PATH...`.
/// @return exit code: 1 if old and new differ
int replay(int argc, const char* const* argv);

}  // namespace milters::postern
