#include "milters/scanner/memory.h"

#include <malloc.h>
#include <unistd.h>

#include <fstream>

namespace milters::scanner {

void tune_malloc(unsigned threads)
{
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
    ::mallopt(M_TOP_PAD, 16 << 20);
    ::mallopt(M_ARENA_MAX, static_cast<int>(threads));
}

std::uint64_t resident_memory()
{
    std::ifstream in{"/proc/self/statm"};
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    in >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace milters::scanner
