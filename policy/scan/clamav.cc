#include "policy/scan/clamav.h"

#include <clamav.h>

#include <cstring>
#include <string_view>

#include "policy/scan/running.h"
#include "policy/scan/unpack_watch.h"

namespace policy::scan {
namespace {

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

std::string why(const std::string& said, cl_error_t rc)
{
    return said.empty() ? cl_strerror(rc) : said + ": " + cl_strerror(rc);
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
    watch_messages(nullptr);
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
    watch_messages(&said);
    unsigned count = 0;
    auto rc = cl_load(options.database.c_str(), engine.get(), &count,
                      database_options(options.detect));
    if (rc == CL_SUCCESS && count > 0)
        rc = cl_engine_compile(engine.get());
    watch_messages(nullptr);
    if (rc != CL_SUCCESS)
        return fail(Errc::format, options.database + ": " + why(said, rc));
    if (tells_of_lost_rules(said))
        return fail(Errc::format, options.database + ": " + said);
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
void Engine::pass(Running& scan, int fd, std::uint32_t general,
                  std::uint32_t heuristic)
{
    cl_scan_options options = handle_->options;
    options.general = general;
    options.heuristic = heuristic;
    const char* name = nullptr;
    unsigned long scanned = 0;
    const auto rc = cl_scandesc_callback(
        fd, nullptr, &name, &scanned, handle_->engine.get(), &options, nullptr);
    scan.judge(rc, name);
}

Verdict Engine::scan(int fd, Want want)
{
    Running scan{handle_->cache, handle_->limits, want.parts};
    const UnpackWatch watch;
    set_running(&scan);
    pass(scan, fd, handle_->options.general, handle_->options.heuristic);
    const ScanStatus first = scan.verdict.status();
    if ((want.all_names || want.parts) && !scan.verdict.clean()) {
        // The first signature ends a scan; behind one that is forgiven may be
        // another, and more parts.
        scan.parts = PartList{handle_->limits.files};
        pass(scan, fd, handle_->options.general | CL_SCAN_GENERAL_ALLMATCHES,
             handle_->options.heuristic);
    }
    if (first == ScanStatus::locked || first == ScanStatus::suspicious) {
        // That alert may stand before a limit that was hit, too: ask again
        // for limits alone.
        scan.want_parts = false;
        pass(scan, fd, CL_SCAN_GENERAL_HEURISTICS,
             CL_SCAN_HEURISTIC_EXCEEDS_MAX);
    }
    set_running(nullptr);
    if (const char* failure = watch.failure())
        scan.fail(std::string{"unpacking: "} + failure);
    if (scan.verdict.clean())
        handle_->cache.add(scan.seen);
    scan.verdict.parts = scan.parts.take();
    return std::move(scan.verdict);
}

}  // namespace policy::scan
