#include "milters/postern/batch.h"

#include <sysexits.h>

#include <istream>
#include <ostream>
#include <stdexcept>

#include "milters/postern/dialogue.h"
#include "milters/postern/latin1.h"
#include "milters/postern/show.h"
#include "policy/map/access.h"
#include "policy/map/text.h"
#include "policy/relay/features.h"

namespace milters::postern {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using policy::Decision;
using policy::Stage;

/// Lower case as Latin-1 has it, in which the cases are written.
std::string lower(std::string_view key)
{
    std::string out = policy::map::folded(key);
    for (char& c : out) {
        const auto u = static_cast<unsigned char>(c);
        if (u >= 0xc0 && u <= 0xde && u != 0xd7)
            c = static_cast<char>(u + 0x20U);
    }
    return out;
}

ordered_json probes_json(const std::vector<std::string>& probes)
{
    ordered_json out = ordered_json::array();
    for (const auto& probe : probes)
        out.push_back(to_utf8(lower(probe)));
    return out;
}

policy::map::Lookup lookup_of(const std::string& name)
{
    using policy::map::Lookup;
    if (name == "D")
        return Lookup::domain;
    if (name == "A")
        return Lookup::address;
    if (name == "F")
        return Lookup::full;
    if (name == "U")
        return Lookup::user;
    if (name == "E")
        return Lookup::exact;
    throw std::invalid_argument{"fn is D, A, F, U or E"};
}

policy::map::Mark mark_of(const std::string& mark)
{
    if (mark == "+")
        return policy::map::Mark::bare_too;
    if (mark == "!")
        return policy::map::Mark::tagged_only;
    throw std::invalid_argument{"mark is + or !"};
}

ordered_json value_of(const policy::map::Found& found)
{
    using State = policy::map::Found::State;
    if (found.state == State::failed)
        return "<TMPF>";
    return found.state == State::value
               ? ordered_json(to_utf8(policy::joined(found.value)))
               : ordered_json();
}

/// What the rulesets make of an empty key: they leave part of the workspace
/// as it was.
ordered_json without_key(policy::map::Lookup lookup,
                         const policy::map::Found& found,
                         const std::string& workspace)
{
    using policy::map::Lookup;
    const auto value = value_of(found);
    if (lookup == Lookup::exact)
        return value;
    if (lookup != Lookup::domain)
        return to_utf8(">" + workspace);
    return value.is_null() ? value
                           : ordered_json(value.get<std::string>() + "><>" +
                                          to_utf8(workspace));
}

/// Keys with the name of the stage that asked in front.
class StagedProbes {
public:
    std::vector<std::string>* keys() { return &keys_; }

    ordered_json json() const
    {
        ordered_json out = ordered_json::array();
        for (const auto& probe : all_)
            out.push_back(probe);
        return out;
    }
    void end_of(Stage stage)
    {
        for (const auto& key : keys_)
            all_.push_back(std::string{policy::name_of(stage)} + " " +
                           to_utf8(lower(key)));
        keys_.clear();
    }

private:
    std::vector<std::string> keys_, all_;
};

/// A policy that notes which stage asked for which keys.
class Probed final : public policy::relay::Policy {
public:
    Probed(const Policy& policy, StagedProbes& probes)
        : policy_{policy}, probes_{probes}
    {
    }
    Decision connect(const policy::relay::Client& client) const override
    {
        return noted(policy_.connect(client));
    }
    Decision mail(const policy::relay::Client& client,
                  std::string_view mail) const override
    {
        return noted(policy_.mail(client, mail));
    }
    Decision rcpt(const policy::relay::Client& client, std::string_view mail,
                  std::string_view rcpt) const override
    {
        return noted(policy_.rcpt(client, mail, rcpt));
    }

private:
    Decision noted(Decision decision) const
    {
        probes_.end_of(decision.stage);
        return decision;
    }
    const Policy& policy_;
    StagedProbes& probes_;
};

std::shared_ptr<const policy::relay::Policy> make_policy(
    const CaseConfig& config, const CaseDns& dns,
    std::vector<std::string>* keys)
{
    policy::relay::World world;
    world.access = config.access;
    world.relayers_map = config.relayers;
    world.resolve = [&dns](std::string_view name) { return dns.status(name); };
    world.canonical = [&dns](std::string_view name) {
        return dns.canonical(name);
    };
    world.probes = keys;
    auto made = policy::relay::Policy::make(config.settings, world);
    if (!made)
        throw std::invalid_argument{made.error().text};
    return *made;
}

}  // namespace

const CaseConfig& Batch::config_of(const json& one_case)
{
    const auto found = one_case.find("config");
    const json config =
        found == one_case.end() || found->is_null() ? json::object() : *found;
    auto text = config.dump(-1, ' ', false, json::error_handler_t::replace);
    if (!config_ || text != config_text_) {
        config_ = std::make_unique<CaseConfig>(config);
        config_text_ = std::move(text);
    }
    return *config_;
}

ordered_json Batch::decide(const json& one_case)
{
    const CaseConfig& config = config_of(one_case);
    const CaseDns dns{one_case};
    StagedProbes probes;
    const auto policy = make_policy(config, dns, probes.keys());
    const auto dialogue = ask_all(Probed{*policy, probes}, client_of(one_case),
                                  bytes_at(one_case, "mail", "<>"),
                                  bytes_at(one_case, "rcpt", "<>"));
    ordered_json answer = ordered_json::object();
    for (const auto& stage : dialogue.stages)
        answer[policy::name_of(stage.stage)] = stage_json(stage);
    const auto& outcome = dialogue.outcome();
    answer["verdict"] = policy::name_of(outcome.verdict);
    answer["stage"] = policy::name_of(outcome.stage);
    if (one_case.value("trace", false))
        answer["probes"] = probes.json();
    answer["why"] = why_json(outcome.why);
    return answer;
}

ordered_json Batch::look_up(const json& one_case)
{
    const CaseConfig& config = config_of(one_case);
    const auto features =
        policy::relay::read_features(config.settings.features);
    if (!features)
        throw std::invalid_argument{features.error().text};
    const auto lookup = lookup_of(bytes_at(one_case, "fn"));
    const auto mark = mark_of(bytes_at(one_case, "mark", "+"));
    const auto tag = bytes_at(one_case, "tag");
    std::pmr::monotonic_buffer_resource memory;
    const auto snapshot = config.access->current();
    std::vector<std::string> keys;
    const policy::map::Access access{
        features->access_db ? snapshot->get() : nullptr, features->access,
        &memory, &keys};
    const auto key = policy::tokenise(bytes_at(one_case, "key"), &memory);
    const auto found = features->access_db ? access.find(lookup, key, tag, mark)
                                           : policy::map::Found{};
    ordered_json out;
    out["value"] = value_of(found);
    if (key.empty() && features->access_db)
        out["value"] = without_key(
            lookup, found, "<?><" + bytes_at(one_case, "mark", "+") + tag);
    out["probes"] = probes_json(keys);
    out["why"] = {{"policy", "relay"},
                  {"rule", "lookup"},
                  {"source", config.access->name()},
                  {"key", to_utf8(found.full_key())},
                  {"value", to_utf8(found.text)}};
    return out;
}

ordered_json Batch::answer(const std::string& line)
{
    try {
        const auto one_case = json::parse(line);
        if (!one_case.is_object())
            return {{"error", "a case is a JSON object"}};
        const auto kind = bytes_at(one_case, "kind", "decision");
        if (kind == "decision")
            return decide(one_case);
        if (kind == "lookup")
            return look_up(one_case);
        return {{"error", "kind is decision or lookup, not " + to_utf8(kind)}};
    } catch (const json::exception& e) {
        return {{"error", e.what()}};
    } catch (const std::invalid_argument& e) {
        return {{"error", to_utf8(e.what())}};
    }
}

int run_batch(std::istream& in, std::ostream& out)
{
    Batch batch;
    for (std::string line; std::getline(in, line);) {
        if (line.find_first_not_of(" \t\r") == line.npos)
            continue;
        out << batch.answer(line).dump(-1, ' ', true,
                                       json::error_handler_t::replace)
            << '\n';
    }
    out.flush();
    return in.bad() || !out ? EX_IOERR : EX_OK;
}

}  // namespace milters::postern
