// Memory of a process that scans.
#pragma once

#include <cstdint>

namespace milters::scanner {

/// libclamav allocates arrays of some 100 KiB for each layer, which the C
/// library would map and unmap each time: a fifth of the time of a scan.
/// @param threads  that scan in this process
void tune_malloc(unsigned threads);

/// Bytes of this process that are in memory (proc(5), statm).
std::uint64_t resident_memory();

}  // namespace milters::scanner
