#include "milters/virus/scanning.h"

#include <algorithm>
#include <map>

#include "milters/milter/daemon.h"
#include "policy/scan/attachment.h"
#include "policy/scan/by_access.h"
#include "policy/scan/part_list.h"

namespace milters::virus {

using policy::scan::Verdict;

policy::scan::Want Scanning::wanted() const
{
    const auto& rules = runtime_.virus().rules;
    return {!rules.attachments.empty(), !rules.signatures.empty()};
}

/// Why signatures this old do not count, if they do not.
std::optional<std::string> Scanning::stale(
    const policy::scan::EngineInfo& engine)
{
    const auto& virus = runtime_.virus();
    if (virus.max_age.count() == 0 || engine.base_time == 0)
        return std::nullopt;
    const policy::Seconds made{std::chrono::seconds{engine.base_time}};
    const auto now = runtime_.now();
    if (now - made <= virus.max_age)
        return std::nullopt;
    const std::string what = "the signatures are older than virus.max_age";
    const std::int64_t hour = now.time_since_epoch().count() / 3600;
    if (runtime_.lasting->stale_told.exchange(hour) != hour)
        mail_.complain(runtime_, what);
    if (!virus.refuse_stale)
        return std::nullopt;
    return what;
}

Verdict Scanning::scan_file(const scanner::MemFile& file, bool urgent)
{
    return runtime_.scanner->scan(
        {file.fd(), file.size(), wanted(), urgent, mail_.until},
        [this] { mta_.progress(); });
}

/// Names and declared types as the header of each part has them, for the
/// rules that ask for them.
void Scanning::add_names(Verdict& verdict, std::string_view bytes)
{
    auto parts = policy::scan::named_parts(
        bytes, std::min<std::size_t>(runtime_.virus().scan.limits.files,
                                     policy::scan::max_listed));
    if (!parts) {
        verdict.add(policy::scan::ScanStatus::limits,
                    policy::scan::parts_limit);
        return;
    }
    for (auto& part : *parts)
        verdict.parts.push_back(std::move(part));
}

Verdict Scanning::scan(const Message& message, bool urgent)
{
    milter::kick();
    Verdict verdict = scan_file(message.file(), urgent);
    if (wanted().parts) {
        if (const auto bytes = message.bytes())
            add_names(verdict, *bytes);
        else
            return Verdict::error(bytes.error().text);
    }
    if (!message.has_bare_ends())
        return verdict;
    // Once more as a reader would see it that takes any line end for one.
    const auto normal = message.with_normal_ends();
    if (!normal)
        return Verdict::error(normal.error().text);
    Verdict second = scan_file(*normal, urgent);
    for (const auto& finding : verdict.findings)
        second.add(finding.status, finding.signature);
    second.detail += verdict.detail;
    second.parts.insert(second.parts.end(), verdict.parts.begin(),
                        verdict.parts.end());
    if (second.generation != verdict.generation)
        second.generation.clear();  // of two engines: not for the cache
    return second;
}

Verdict Scanning::whole(Message& message)
{
    if (auto whole = message.finish(); !whole)
        return Verdict::error(whole.error().text);
    const auto engine = runtime_.scanner->info();
    if (const auto why = stale(engine))
        return Verdict::error(*why);
    if (message.oversize()) {
        auto verdict = Verdict::oversize();
        if (wanted().parts)
            verdict.add(policy::scan::ScanStatus::limits,
                        policy::scan::parts_limit);
        return verdict;
    }
    for (const auto* key : {&message.full_digest(), &message.digest()})
        if (auto known = runtime_.cache->find(*key, engine.generation)) {
            remembered_ = true;
            return std::move(*known);
        }
    Verdict verdict = scan(message, policy::scan::goes_out(mail_.from));
    // What was found may have been found in the headers.
    const auto& key =
        verdict.clean() ? message.digest() : message.full_digest();
    if (verdict.generation == runtime_.scanner->info().generation)
        runtime_.cache->add(key, verdict.generation, verdict);
    return verdict;
}

policy::scan::Plan Scanning::plan_for(std::string_view bytes)
{
    auto file = scanner::MemFile::create();
    if (!file)
        return plan(Verdict::error(file.error().text));
    if (auto s = file->append(bytes); !s)
        return plan(Verdict::error(s.error().text));
    if (auto s = file->seal(); !s)
        return plan(Verdict::error(s.error().text));
    Verdict verdict = scan_file(*file, true);
    if (wanted().parts)
        add_names(verdict, bytes);
    return plan(verdict);
}

policy::scan::Plan Scanning::plan(const Verdict& verdict) const
{
    std::vector<policy::scan::Outcome> outcomes;
    std::map<const policy::scan::Group*, policy::scan::Outcome> of_group;
    const auto& rules = runtime_.virus().rules;
    // An MTA that hid the recipients still gets the common rules.
    for (std::size_t i = 0; i < mail_.access.size(); ++i) {
        const auto rcpt = i < mail_.rcpts.size() ? mail_.rcpts[i] : "";
        const auto [known, is_new] = of_group.try_emplace(
            policy::scan::group_of(rules, mail_.from, rcpt));
        if (is_new)
            known->second = policy::scan::decide(rules, mail_.from, rcpt,
                                                 verdict, runtime_.now());
        auto outcome = known->second;
        if (const auto& ruling = mail_.access[i])
            outcome = policy::scan::by_access(std::move(outcome), *ruling);
        outcomes.push_back(std::move(outcome));
    }
    return policy::scan::combine(outcomes);
}

}  // namespace milters::virus
