#include "policy/scan/wire.h"

#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "policy/scan/part_list.h"

namespace policy::scan {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 4> kinds = {"ready", "worker", "gone",
                                              "failed"};
constexpr std::size_t max_text = 1000;
constexpr std::size_t max_list = 2000;
/// Of the parts in a packet; beside the last of them it has findings.
constexpr std::size_t full_packet = max_packet / 4;

/// One line, whatever bytes are in it.
std::string dump(const json& object)
{
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string one_line(std::string text)
{
    text.resize(std::min(text.size(), max_text));
    for (char& c : text)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
            c = ' ';
    return text;
}

/// Runs `read` on the object in a packet; anything amiss is Errc::format.
template <class Read>
auto parse(std::string_view packet, Read read) -> Result<decltype(read(json{}))>
try {
    if (packet.size() > max_packet)
        return fail(Errc::format, "packet of the scanner is too large");
    return read(json::parse(packet));
} catch (const json::exception& e) {
    return fail(Errc::format,
                std::string{"packet of the scanner: "} + e.what());
} catch (const std::range_error& e) {
    return fail(Errc::format,
                std::string{"packet of the scanner: "} + e.what());
}

json to_json(const Part& part)
{
    return {part.name, part.type, part.size, part.level, part.encrypted};
}

Part to_part(const json& item)
{
    return {item.at(0).get<std::string>(), one_line(item.at(1)),
            item.at(2).get<std::uint64_t>(), item.at(3).get<unsigned>(),
            item.at(4).get<bool>()};
}

void add_parts(const json& parts, Verdict& verdict)
{
    if (!parts.is_array() || parts.size() + verdict.parts.size() > max_listed)
        throw std::range_error{"list of another shape"};
    for (const json& part : parts)
        verdict.parts.push_back(to_part(part));
}

void add_rest(const json& object, Verdict& verdict)
{
    const json& findings = object.at("findings");
    if (!findings.is_array() || findings.size() > max_list)
        throw std::range_error{"lists of another shape"};
    for (const json& finding : findings) {
        const auto status = parse_status(finding.at(0).get<std::string>());
        if (!status || *status == ScanStatus::clean)
            throw std::range_error{"not a status of a finding"};
        verdict.add(*status, finding.at(1).get<std::string>());
    }
    add_parts(object.at("parts"), verdict);
    verdict.detail = one_line(object.at("detail"));
}

/// The first parts of a list that fill a packet well, taken off it.
json take_parts(std::span<const Part>& rest)
{
    json out = json::array();
    std::size_t size = 0;
    while (!rest.empty() && size < full_packet) {
        out.push_back(to_json(rest.front()));
        size += dump(out.back()).size();
        rest = rest.subspan(1);
    }
    return out;
}

json to_json(const EngineInfo& info)
{
    return {{"name", info.name},
            {"version", info.version},
            {"signatures", info.signatures},
            {"base", info.base},
            {"base_time", info.base_time}};
}

EngineInfo to_engine(const json& object)
{
    return {one_line(object.at("name")),
            one_line(object.at("version")),
            object.at("signatures").get<unsigned>(),
            object.at("base").get<unsigned>(),
            object.at("base_time").get<std::int64_t>(),
            ""};
}

ScannerEvent to_event(const json& object)
{
    ScannerEvent event;
    const auto kind = object.at("event").get<std::string>();
    const auto found = std::find(kinds.begin(), kinds.end(), kind);
    if (found == kinds.end())
        throw std::range_error{"no such event"};
    event.kind = static_cast<ScannerEvent::Kind>(found - kinds.begin());
    event.id = object.at("id").get<unsigned>();
    event.pid = object.at("pid").get<int>();
    event.memory = object.at("memory").get<std::uint64_t>();
    event.text = one_line(object.at("text"));
    event.engine = to_engine(object.at("engine"));
    return event;
}

}  // namespace

std::string write(const ScanRequest& request)
{
    return dump({{"scan", request.id},
                 {"deadline_ms", request.deadline.count()},
                 {"parts", request.want.parts},
                 {"all", request.want.all_names}});
}

Result<ScanRequest> read_request(std::string_view packet)
{
    return parse(packet, [](const json& object) {
        return ScanRequest{
            object.at("scan").get<std::uint64_t>(),
            std::chrono::milliseconds{
                object.at("deadline_ms").get<std::int64_t>()},
            {object.at("parts").get<bool>(), object.at("all").get<bool>()}};
    });
}

std::vector<std::string> write(std::uint64_t id, const Verdict& verdict)
{
    std::vector<std::string> out;
    std::span<const Part> rest{verdict.parts};
    json parts = take_parts(rest);
    for (; !rest.empty(); parts = take_parts(rest))
        out.push_back(dump({{"scan", id}, {"more", parts}}));
    json findings = json::array();
    for (const Finding& finding : verdict.findings)
        findings.push_back({name_of(finding.status), finding.signature});
    out.push_back(dump({{"scan", id},
                        {"findings", findings},
                        {"parts", parts},
                        {"detail", one_line(verdict.detail)}}));
    return out;
}

Result<bool> read_answer(std::string_view packet, std::uint64_t id,
                         Verdict& verdict)
{
    return parse(packet, [&](const json& object) {
        if (object.at("scan").get<std::uint64_t>() != id)
            throw std::range_error{"answer to another request"};
        const bool more = object.contains("more");
        if (more)
            add_parts(object.at("more"), verdict);
        else
            add_rest(object, verdict);
        return !more;
    });
}

std::string write(const ScannerEvent& event)
{
    return dump({{"event", kinds[static_cast<std::size_t>(event.kind)]},
                 {"id", event.id},
                 {"pid", event.pid},
                 {"memory", event.memory},
                 {"text", one_line(event.text)},
                 {"engine", to_json(event.engine)}});
}

Result<ScannerEvent> read_event(std::string_view packet)
{
    return parse(packet, to_event);
}

std::string write_kill(unsigned worker)
{
    return dump({{"kill", worker}});
}

Result<unsigned> read_kill(std::string_view packet)
{
    return parse(packet, [](const json& object) {
        return object.at("kill").get<unsigned>();
    });
}

}  // namespace policy::scan
