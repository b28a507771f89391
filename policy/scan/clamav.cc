#include "policy/scan/clamav.h"

#include <clamav.h>

#include <cstring>
#include <string_view>

#include "policy/scan/part_cache.h"

namespace policy::scan {
namespace {

/// What a list of parts may hold; more is the finding `limits`.
constexpr std::size_t max_parts = 500;
constexpr std::size_t max_part_name = 160;

/// The scan that runs in this thread, for libclamav's callbacks.
struct Running {
    PartCache& cache;
    const Limits& limits;
    bool want_parts;
    Verdict verdict{};
    std::vector<Digest> seen{};
    std::vector<std::string> types{};  ///< of the files around, outermost first
    bool list_full = false;
};

thread_local Running* running = nullptr;
/// Error messages of the library outside of a scan (loading).
std::string* load_error = nullptr;

constexpr std::size_t max_said = 500;

std::string_view one_line(std::string_view text)
{
    while (!text.empty() && text.back() == '\n')
        text.remove_suffix(1);
    return text;
}

void remember_first(std::string& where, std::string_view text)
{
    if (where.empty())
        where = one_line(text);
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
    if (severity < CL_MSG_ERROR)
        return;
    if (running) {
        running->verdict.add(ScanStatus::error, "");
        remember_first(running->verdict.detail, text);
    } else if (load_error) {
        remember_all(*load_error, text);
    }
}

void on_virus(int /*fd*/, const char* name, void* /*context*/)
{
    if (running && name)
        running->verdict.add(status_of_signature(name), name);
}

void list_part(Running& scan, Part part)
{
    if (scan.verdict.parts.size() >= max_parts) {
        scan.list_full = true;
        return;
    }
    part.name.resize(std::min(part.name.size(), max_part_name));
    scan.verdict.parts.push_back(std::move(part));
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
        list_part(*running,
                  {name ? name : "", type ? type : "", size, level, false});
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
        running->verdict.add(ScanStatus::error, "");
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
        list_part(*running, {name ? name : "", container ? container : "", size,
                             1, encrypted != 0});
    return CL_CLEAN;
} catch (...) {
    if (running)
        running->verdict.add(ScanStatus::error, "");
    return CL_CLEAN;
}

unsigned database_options(const Detect& detect)
{
    unsigned options = CL_DB_BYTECODE;
    if (detect.phishing)
        options |= CL_DB_PHISHING | CL_DB_PHISHING_URLS;
    if (detect.pua)
        options |= CL_DB_PUA;
    return options;
}

/// clamscan's defaults, and every limit that is hit is reported.
cl_scan_options scan_options(const Detect& detect)
{
    cl_scan_options options{};
    options.general = CL_SCAN_GENERAL_HEURISTICS;
    options.parse = ~0U;
    options.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX;
    if (detect.encrypted)
        options.heuristic |= CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
                             CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
    if (detect.macros)
        options.heuristic |= CL_SCAN_HEURISTIC_MACROS;
    if (detect.broken)
        options.heuristic |=
            CL_SCAN_HEURISTIC_BROKEN | CL_SCAN_HEURISTIC_BROKEN_MEDIA;
    return options;
}

struct EngineFree {
    void operator()(cl_engine* engine) const noexcept
    {
        cl_engine_free(engine);
    }
};

Status set_limits(cl_engine* engine, const Limits& limits)
{
    const std::pair<cl_engine_field, long long> numbers[] = {
        {CL_ENGINE_MAX_SCANSIZE, static_cast<long long>(limits.scan_size)},
        {CL_ENGINE_MAX_FILESIZE, static_cast<long long>(limits.file_size)},
        {CL_ENGINE_MAX_RECURSION, limits.recursion},
        {CL_ENGINE_MAX_FILES, limits.files},
        {CL_ENGINE_MAX_SCANTIME, limits.scan_time.count()},
        // Its key is MD5 and it forgets what was infected: we keep our own.
        {CL_ENGINE_DISABLE_CACHE, 1},
    };
    for (const auto& [field, number] : numbers)
        if (const auto rc = cl_engine_set_num(engine, field, number);
            rc != CL_SUCCESS)
            return fail(
                Errc::usage,
                std::string{"libclamav refuses a limit: "} + cl_strerror(rc));
    return {};
}

void set_callbacks(cl_engine* engine)
{
    cl_engine_set_clcb_virus_found(engine, on_virus);
    cl_engine_set_clcb_file_inspection(engine, on_file);
    cl_engine_set_clcb_meta(engine, on_member);
}

std::string why(const std::string& said, cl_error_t rc)
{
    return said.empty() ? cl_strerror(rc) : said + ": " + cl_strerror(rc);
}

/// The verdict that a return code itself carries.
void judge(Running& scan, cl_error_t rc, const char* name)
{
    Verdict& verdict = scan.verdict;
    if (rc == CL_VIRUS && name)
        verdict.add(status_of_signature(name), name);
    else if (rc == CL_VIRUS)
        verdict.add(ScanStatus::infected, "unnamed");
    else if (rc == CL_ETIMEOUT)
        verdict.add(ScanStatus::limits, "Heuristics.Limits.Exceeded.ScanTime");
    else if (rc == CL_EMAXREC || rc == CL_EMAXSIZE || rc == CL_EMAXFILES)
        verdict.add(ScanStatus::limits, "Heuristics.Limits.Exceeded");
    else if (rc != CL_CLEAN && rc != CL_VERIFIED) {
        verdict.add(ScanStatus::error, "");
        remember_first(verdict.detail, cl_strerror(rc));
    }
    if (scan.list_full)
        verdict.add(ScanStatus::limits, "Heuristics.Limits.Exceeded.Parts");
}

}  // namespace

struct Engine::Handle {
    std::unique_ptr<cl_engine, EngineFree> engine;
    cl_scan_options options{};
    Limits limits{};
    PartCache cache;
};

Engine::Engine() = default;
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::load(const EngineOptions& options)
{
    cl_set_clcb_msg(on_message);
    static const cl_error_t initialised = cl_init(CL_INIT_DEFAULT);
    if (initialised != CL_SUCCESS)
        return fail(Errc::io, cl_strerror(initialised));
    std::unique_ptr<cl_engine, EngineFree> engine{cl_engine_new()};
    if (!engine)
        return fail(Errc::io, "libclamav: no memory for an engine");
    if (auto set = set_limits(engine.get(), options.limits); !set)
        return fail(set.error());
    set_callbacks(engine.get());

    std::string said;
    load_error = &said;
    unsigned count = 0;
    auto rc = cl_load(options.database.c_str(), engine.get(), &count,
                      database_options(options.detect));
    if (rc == CL_SUCCESS && count > 0)
        rc = cl_engine_compile(engine.get());
    load_error = nullptr;
    if (rc != CL_SUCCESS)
        return fail(Errc::format, options.database + ": " + why(said, rc));
    if (count == 0)
        return fail(Errc::format, options.database + ": no signatures");

    std::unique_ptr<Engine> out{new Engine};
    out->info_ = {"ClamAV", cl_retver(), count, 0, 0, ""};
    int err = 0;
    out->info_.base = static_cast<unsigned>(
        cl_engine_get_num(engine.get(), CL_ENGINE_DB_VERSION, &err));
    out->info_.base_time =
        cl_engine_get_num(engine.get(), CL_ENGINE_DB_TIME, &err);
    out->handle_ = std::make_unique<Handle>(
        Handle{std::move(engine), scan_options(options.detect), options.limits,
               PartCache{options.part_cache}});
    return out;
}

Status Engine::use_temp_dir(const std::string& path)
{
    const auto rc = cl_engine_set_str(handle_->engine.get(), CL_ENGINE_TMPDIR,
                                      path.c_str());
    if (rc != CL_SUCCESS)
        return fail(Errc::io, path + ": " + cl_strerror(rc));
    return {};
}

/// One pass over the file.  libclamav reports one heuristic alert a pass.
void Engine::pass(int fd, std::uint32_t general, std::uint32_t heuristic)
{
    cl_scan_options options = handle_->options;
    options.general = general;
    options.heuristic = heuristic;
    const char* name = nullptr;
    unsigned long scanned = 0;
    const auto rc = cl_scandesc_callback(
        fd, nullptr, &name, &scanned, handle_->engine.get(), &options, nullptr);
    judge(*running, rc, name);
}

Verdict Engine::scan(int fd, Want want)
{
    Running scan{handle_->cache, handle_->limits, want.parts};
    running = &scan;
    pass(fd, handle_->options.general, handle_->options.heuristic);
    const ScanStatus first = scan.verdict.status();
    if ((want.all_names || want.parts) && !scan.verdict.clean()) {
        // The first signature ends a scan; behind one that is forgiven may be
        // another, and more parts.
        scan.verdict.parts.clear();
        pass(fd, handle_->options.general | CL_SCAN_GENERAL_ALLMATCHES,
             handle_->options.heuristic);
    }
    if (first == ScanStatus::locked || first == ScanStatus::suspicious) {
        // That alert may stand before a limit that was hit, too: ask again
        // for limits alone.
        scan.want_parts = false;
        pass(fd, CL_SCAN_GENERAL_HEURISTICS, CL_SCAN_HEURISTIC_EXCEEDS_MAX);
    }
    running = nullptr;
    if (scan.verdict.clean())
        handle_->cache.add(scan.seen);
    return std::move(scan.verdict);
}

}  // namespace policy::scan
