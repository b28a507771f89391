#include "policy/scan/running.h"

#include <algorithm>

#include "policy/scan/inner_names.h"

namespace policy::scan {
namespace {

thread_local Running* running = nullptr;
/// Error messages of the library outside of a scan (loading).
std::string* load_error = nullptr;

constexpr std::size_t max_said = 500;
/// A mere warning to libclamav: it goes on without the rules of the file.
constexpr std::string_view yara_problem = "cli_loadyara: ";

std::string_view one_line(std::string_view text)
{
    while (!text.empty() && text.back() == '\n')
        text.remove_suffix(1);
    return text;
}

/// The file's name comes after what is wrong with it.
void remember_all(std::string& where, std::string_view text)
{
    if (where.size() < max_said)
        where.append(where.empty() ? "" : "; ").append(one_line(text));
}

/// Every way in which libclamav fails open says so here first: a temporary
/// folder that is gone or full, a file that cannot be read.  The context that
/// comes along may be null, hence `running`.
void on_message(enum cl_msg severity, const char* /*full*/, const char* text,
                void* /*context*/)
{
    const std::string_view said{text};
    if (severity < CL_MSG_ERROR &&
        said.find(yara_problem) == std::string_view::npos)
        return;
    if (running) {
        running->fail(text);
    } else if (load_error) {
        remember_all(*load_error, text);
    }
}

void on_virus(int /*fd*/, const char* name, void* /*context*/)
{
    if (running && name)
        running->verdict.add(status_of_signature(name), name);
}

/// Zip members larger than a file may be are cut off there and the rest is
/// not looked at, which libclamav does not report: neither the announced size
/// nor that of what was unpacked may reach the limit.
void check_size(Running& scan, std::uint64_t size)
{
    if (size >= scan.limits.file_size)
        scan.verdict.add(ScanStatus::limits,
                         "Heuristics.Limits.Exceeded.MaxFileSize");
}

/// Remembers the type of the file at this level; what was deeper is over.
void enter_level(Running& scan, std::uint32_t level, const char* type)
{
    scan.types.resize(level);
    scan.types.emplace_back(type ? type : "");
}

/// The level of a member of the innermost open file of this type: what was
/// unpacked from an earlier member may be deeper.
unsigned level_in(const Running& scan, const char* container)
{
    const auto found = std::find(scan.types.rbegin(), scan.types.rend(),
                                 container ? container : "");
    return found == scan.types.rend()
               ? static_cast<unsigned>(scan.types.size())
               : static_cast<unsigned>(scan.types.rend() - found);
}

/// The same bytes count as the same part only if the engine looks at them in
/// the same way: as the same type, at the same depth, in the same kinds of
/// containers, which signatures may ask for.  REQUIRES enter_level().
Digest key_of(const Running& scan, std::uint32_t attributes,
              std::string_view bytes)
{
    Sha256 hash;
    std::string place;
    for (const std::string& type : scan.types)
        place.append(type).push_back('/');
    hash.update(place.append(std::to_string(attributes)) + '\0');
    hash.update(bytes);
    return hash.finish();
}

void list_file(Running& scan, Part part, std::string_view bytes)
{
    for (Part& inner : names_in(part.type, bytes)) {
        inner.level = part.level + 1;
        scan.parts.add_member(std::move(inner));
    }
    scan.parts.add_file(std::move(part));
}

cl_error_t on_file(int /*fd*/, const char* type, const char** /*ancestors*/,
                   size_t /*parent_size*/, const char* name, size_t size,
                   const char* buffer, uint32_t level, uint32_t attributes,
                   void* /*context*/)
try {
    if (!running)
        return CL_CLEAN;
    enter_level(*running, level, type);
    if (level == 0)
        return CL_CLEAN;
    check_size(*running, size);
    if (running->want_parts) {
        list_file(*running,
                  {name && !is_made_up(name) ? name : "", type ? type : "",
                   size, level, false},
                  {buffer ? buffer : "", buffer ? size : 0});
        return CL_CLEAN;
    }
    if (!buffer)
        return CL_CLEAN;
    const Digest key = key_of(*running, attributes, {buffer, size});
    if (running->cache.contains(key))
        return CL_BREAK;
    running->seen.push_back(key);
    return CL_CLEAN;
} catch (...) {
    if (running)
        running->fail("no memory");
    return CL_CLEAN;
}

/// A member of a container, also one that cannot be unpacked.
cl_error_t on_member(const char* container, unsigned long /*container_size*/,
                     const char* name, unsigned long size, int encrypted,
                     unsigned int /*position*/, void* /*context*/)
try {
    if (!running)
        return CL_CLEAN;
    check_size(*running, size);
    if (running->want_parts)
        running->parts.add_member({name ? name : "", "", size,
                                   level_in(*running, container),
                                   encrypted != 0});
    return CL_CLEAN;
} catch (...) {
    if (running)
        running->fail("no memory");
    return CL_CLEAN;
}

}  // namespace

void Running::fail(std::string_view cause)
{
    verdict.add(ScanStatus::error, "");
    if (verdict.detail.empty())
        verdict.detail = one_line(cause);
}

void Running::judge(cl_error_t rc, const char* name)
{
    if (rc == CL_VIRUS && name)
        verdict.add(status_of_signature(name), name);
    else if (rc == CL_VIRUS)
        verdict.add(ScanStatus::infected, "unnamed");
    else if (rc == CL_ETIMEOUT)
        verdict.add(ScanStatus::limits, "Heuristics.Limits.Exceeded.ScanTime");
    else if (rc == CL_EMAXREC || rc == CL_EMAXSIZE || rc == CL_EMAXFILES)
        verdict.add(ScanStatus::limits, "Heuristics.Limits.Exceeded");
    else if (rc != CL_CLEAN && rc != CL_VERIFIED)
        fail(cl_strerror(rc));
    if (parts.full())
        verdict.add(ScanStatus::limits, parts_limit);
}

bool tells_of_lost_rules(std::string_view load_errors)
{
    return load_errors.find(yara_problem) != std::string_view::npos;
}

void set_running(Running* scan)
{
    running = scan;
}

void set_callbacks(cl_engine* engine)
{
    cl_engine_set_clcb_virus_found(engine, on_virus);
    cl_engine_set_clcb_file_inspection(engine, on_file);
    cl_engine_set_clcb_meta(engine, on_member);
}

void watch_messages(std::string* load_errors)
{
    load_error = load_errors;
    cl_set_clcb_msg(on_message);
}

}  // namespace policy::scan
