#include "milters/virus/control.h"

#include <sysexits.h>
#include <unistd.h>

#include "milters/control/protocol.h"
#include "milters/milter/callbacks.h"
#include "policy/version.h"

namespace milters::virus {
namespace {

using control::Json;
using policy::scan::Action;
using policy::scan::ScanStatus;
using policy::scan::Stats;

/// An answer is made in memory; only a scanner under great load may be late.
constexpr net::Limits limits{std::chrono::seconds{30}, std::chrono::seconds{30},
                             100};

double age_of(const Runtime& runtime, const policy::scan::EngineInfo& engine)
{
    return engine.base_time
               ? static_cast<double>(runtime.now().time_since_epoch().count() -
                                     engine.base_time)
               : 0;
}

Json status(const ControlLinks& links, const Runtime& runtime)
{
    const auto engine = runtime.scanner->info();
    const auto& virus = runtime.virus();
    const double age = age_of(runtime, engine);
    const auto activity = milter::activity();
    Json out{{"ok", true},
             {"program", "virus-milter"},
             {"version", policy::version},
             {"pid", ::getpid()},
             {"started", links.started.time_since_epoch().count()},
             {"config", links.config_file},
             {"test_mode", runtime.test_mode()},
             {"sessions", activity.sessions},
             {"ready", !engine.generation.empty()},
             {"engine", engine.name + " " + engine.version},
             {"signatures", engine.signatures},
             {"base", engine.base},
             {"base_time", engine.base_time},
             {"age", age},
             {"stale", virus.max_age.count() > 0 && engine.base_time != 0 &&
                           age > static_cast<double>(virus.max_age.count())}};
    if (const auto pool = links.pool()) {
        out["idle"] = pool->idle;
        out["waiting"] = pool->waiting;
        out["reloads"] = pool->reloads;
        out["retries"] = pool->retries;
        out["last_error"] = pool->last_error;
    }
    return out;
}

Json stats(const Stats::Numbers& n)
{
    Json out{
        {"ok", true},
        {"messages", n.messages},
        {"not_scanned", n.skipped},
        {"remembered", n.remembered},
        {"bytes", n.bytes},
        {"split", n.split},
        {"notices", n.notices},
        {"scan_seconds", std::chrono::duration<double>(n.time).count()},
        {"longest_seconds", std::chrono::duration<double>(n.longest).count()},
        {"last", Json::array()},
        {"top_clients", Json::array()}};
    for (std::size_t i = 0; i < n.by_status.size(); ++i)
        out["status"][name_of(static_cast<ScanStatus>(i))] = n.by_status[i];
    for (std::size_t i = 0; i < n.by_action.size(); ++i)
        out["action"][name_of(static_cast<Action>(i))] = n.by_action[i];
    for (const auto& last : n.last)
        out["last"].push_back({{"when", last.when.time_since_epoch().count()},
                               {"signature", last.signature},
                               {"client", last.client}});
    for (const auto& [client, count] : n.top_clients)
        out["top_clients"].push_back({{"client", client}, {"count", count}});
    return out;
}

std::string metrics(const ControlLinks& links, const Runtime& runtime)
{
    const auto engine = runtime.scanner->info();
    std::vector<std::pair<std::string, double>> gauges{
        {"ready", engine.generation.empty() ? 0 : 1},
        {"signatures", engine.signatures},
        {"signatures_age_seconds", age_of(runtime, engine)}};
    if (const auto pool = links.pool()) {
        gauges.emplace_back("workers_idle", pool->idle);
        gauges.emplace_back("waiting", pool->waiting);
        gauges.emplace_back("reloads", pool->reloads);
        gauges.emplace_back("retries", pool->retries);
        gauges.emplace_back("load_failed", pool->last_error.empty() ? 0 : 1);
    }
    return policy::scan::prometheus(runtime.lasting->stats.numbers(), gauges);
}

Json answer_json(const std::string& request, const ControlLinks& links)
{
    const auto runtime = links.runtime();
    if (!runtime)
        return control::failure(EX_TEMPFAIL, "virus-milter is starting");
    const Json asked = Json::parse(request, nullptr, false);
    const Json command =
        asked.is_object() ? asked.value("command", Json{}) : Json{};
    if (command == "status")
        return status(links, *runtime);
    if (command == "stats")
        return stats(runtime->lasting->stats.numbers());
    if (command == "metrics")
        return {{"ok", true}, {"text", metrics(links, *runtime)}};
    if (command != "reload")
        return control::failure(EX_USAGE, "no such command");
    links.reload();
    return {{"ok", true}};
}

/// clamd's commands, of which freshclam knows RELOAD.
std::optional<std::string> answer_clamd(const std::string& word,
                                        const ControlLinks& links)
{
    if (word == "PING")
        return "PONG";
    if (word == "RELOAD") {
        links.reload();
        return "RELOADING";
    }
    if (word != "VERSION")
        return std::nullopt;
    const auto runtime = links.runtime();
    const auto engine =
        runtime ? runtime->scanner->info() : policy::scan::EngineInfo{};
    return engine.name + " " + engine.version + "/" +
           std::to_string(engine.base);
}

/// A line, a NUL-ended word, or one of clamd's bare words, which have no end.
net::Frame take_request(std::string_view input)
{
    const auto end = input.find_first_of(std::string_view{"\n\0", 2});
    if (end != std::string_view::npos)
        return {net::Frame::Kind::request, end + 1,
                std::string(input.substr(0, end + 1))};
    for (const std::string_view word : {"RELOAD", "PING", "VERSION"})
        if (input == word)
            return {net::Frame::Kind::request, word.size(), std::string{word}};
    return {};
}

}  // namespace

std::string answer_control(const std::string& request,
                           const ControlLinks& links)
{
    std::string word = request;
    std::string end = "\n";
    if (!word.empty() && (word.back() == '\n' || word.back() == '\0')) {
        end = word.back();
        word.pop_back();
    }
    if (!word.empty() && (word[0] == 'n' || word[0] == 'z'))
        word.erase(0, 1);
    if (const auto said = answer_clamd(word, links))
        return *said + end;
    return control::line_of(answer_json(word, links));
}

policy::Status Control::bind(const policy::config::Virus& virus,
                             const std::optional<milter::Account>& account,
                             std::vector<std::string>& names)
{
    const auto& spec = virus.control_socket;
    if (spec.off())
        return {};
    const auto ownership = milter::ownership(
        virus.socket_owner, virus.control_group, virus.control_mode, account);
    if (!ownership)
        return policy::fail(ownership.error());
    if (spec.kind == policy::config::SocketSpec::Kind::unix_path) {
        if (auto made = milter::make_folder_of(spec.path, account); !made)
            return made;
        names.push_back(spec.path);
    }
    auto loop = net::Loop::make();
    if (!loop)
        return policy::fail(loop.error());
    loop_ = std::move(*loop);
    auto socket = net::ListenSocket::open(spec, *ownership);
    if (!socket)
        return policy::fail(socket.error());
    socket_.emplace(std::move(*socket));
    return {};
}

policy::Status Control::start()
{
    if (!socket_)
        return {};
    net::Protocol protocol;
    protocol.max_request = 10'000;
    protocol.frame = take_request;
    protocol.late = control::line_of(
        control::failure(EX_TEMPFAIL, "virus-milter: no answer in time"));
    protocol.bad = control::line_of(
        control::failure(EX_USAGE, "the request is too long or not finished"));
    protocol.answer = [this](const std::string& request) {
        return answer_control(request, links_);
    };
    workers_ = std::make_unique<net::Workers>(2);
    auto server = net::Server::make(*loop_, *workers_, std::move(*socket_),
                                    std::move(protocol), limits);
    socket_.reset();
    if (!server)
        return policy::fail(server.error());
    server_ = std::move(*server);
    thread_ = std::thread{[this] { loop_->run(); }};
    return {};
}

void Control::stop()
{
    if (thread_.joinable()) {
        loop_->post([this] { loop_->stop(); });
        thread_.join();
    }
    if (server_)
        server_->close();
    workers_.reset();
    server_.reset();
}

}  // namespace milters::virus
