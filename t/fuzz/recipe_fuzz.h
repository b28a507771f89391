// Fuzz targets of the recipe engine.  Each takes any bytes, and must neither
// crash nor run for long; `make check` replays t/fuzz/corpus through them.
#pragma once

#include <string_view>

namespace fuzz {

/// A rc file, an empty line of "%%", and a message: reads, checks and runs.
void recipe(std::string_view bytes);

/// A pattern, a newline, and a text: RE2 and the simulation, with states and
/// without, must agree.
void pattern(std::string_view bytes);

/// A shell-like text, expanded in all three ways.
void expansion(std::string_view bytes);

/// A message: header, body, sizes, and formail over it.
void message(std::string_view bytes);

}  // namespace fuzz
