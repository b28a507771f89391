#include "policy/relay/policy.h"

#include <array>
#include <utility>

#include "policy/relay/asking.h"

namespace policy::relay {

const char* name_of(Resolve resolve)
{
    switch (resolve) {
        case Resolve::ok:
            return "OK";
        case Resolve::fail:
            return "FAIL";
        case Resolve::forged:
            return "FORGED";
        case Resolve::temp:
            break;
    }
    return "TEMP";
}

std::optional<Resolve> resolve_of(std::string_view word)
{
    for (const auto resolve :
         {Resolve::ok, Resolve::fail, Resolve::forged, Resolve::temp})
        if (word == name_of(resolve))
            return resolve;
    return std::nullopt;
}

namespace {

/// Enough for the tokens of a usual decision; more comes from the heap.
constexpr std::size_t stack_bytes = 8192;

class Scratch {
public:
    Memory* memory() { return &resource_; }

private:
    alignas(std::max_align_t) std::array<char, stack_bytes> bytes_;
    std::pmr::monotonic_buffer_resource resource_{bytes_.data(), bytes_.size()};
};

Verdict verdict_of(const Outcome& outcome)
{
    switch (outcome.kind) {
        case Outcome::Kind::refused:
        case Outcome::Kind::temporary:
            return outcome.reply.code < 500 ? Verdict::tempfail
                                            : Verdict::reject;
        case Outcome::Kind::discard:
            return Verdict::discard;
        case Outcome::Kind::quarantine:
            return Verdict::quarantine;
        case Outcome::Kind::open:
        case Outcome::Kind::relay:
        case Outcome::Kind::final_ok:
            break;
    }
    return Verdict::accept;
}

Decision decision_of(Stage stage, Outcome outcome)
{
    Decision d;
    d.stage = stage;
    d.verdict = verdict_of(outcome);
    d.relay = stage == Stage::rcpt && (outcome.kind == Outcome::Kind::relay ||
                                       outcome.kind == Outcome::Kind::final_ok);
    d.reply = std::move(outcome.reply);
    d.why = std::move(outcome.why);
    return d;
}

/// The rulesets of sendmail, asked stage by stage.
class Rulesets final : public Policy {
public:
    Rulesets(std::shared_ptr<const Site> site, World world)
        : site_{std::move(site)}, world_{std::move(world)}
    {
    }

    Decision connect(const Client& client) const override
    {
        return ask(Stage::connect, client, {}, connect_now);
    }

    Decision mail(const Client& client, std::string_view mail) const override
    {
        return ask(Stage::mail, client, mail,
                   [mail](Asking& asking) { return site_mail(asking, mail); });
    }

    Decision rcpt(const Client& client, std::string_view mail,
                  std::string_view rcpt) const override
    {
        return ask(Stage::rcpt, client, mail, [mail, rcpt](Asking& asking) {
            return site_rcpt(asking, mail, rcpt);
        });
    }

private:
    template <class Rule>
    Decision ask(Stage stage, const Client& client, std::string_view mail,
                 Rule rule) const
    {
        Scratch scratch;
        std::vector<Why> trace;
        Asking asking{*site_,           world_,
                      client,           mail,
                      scratch.memory(), world_.trace ? &trace : nullptr,
                      world_.probes};
        Decision decision = decision_of(stage, rule(asking));
        if (world_.trace && !decision.why.rule.empty())
            trace.push_back(decision.why);
        decision.trace = std::move(trace);
        return decision;
    }

    /// At MAIL; with delay_checks only the form of the address counts.
    static Outcome site_mail(Asking& asking, std::string_view mail)
    {
        const auto argument = asking.tokens(mail);
        if (!asking.features.delay_checks)
            return check_mail(asking, argument);
        const auto box = asking.canonifier.parse(argument);
        if (!box.error)
            return {};
        return asking.refuse(
            map::error_reply(box.error->dsn, std::string_view{box.error->text}),
            asking.rule("syntax", std::string{mail}));
    }

    static Outcome site_rcpt(Asking& asking, std::string_view mail,
                             std::string_view rcpt)
    {
        const auto argument = asking.tokens(rcpt);
        auto outcome = check_rcpt(asking, argument);
        if (!asking.features.delay_checks)
            return outcome;
        return delayed(asking, std::move(outcome), mail, argument);
    }

    /// What delay_checks asks behind check_rcpt.
    static Outcome delayed(Asking& asking, Outcome rcpt, std::string_view mail,
                           TokenSpan argument)
    {
        if (rcpt.ends() && rcpt.kind != Outcome::Kind::final_ok)
            return rcpt;
        if (rcpt.kind == Outcome::Kind::final_ok ||
            spared_from_checks(asking, argument)) {
            auto tls = check_tls(asking);
            return tls.ends() ? tls : rcpt;
        }
        const std::string bracketed = "<" + asking.sender() + ">";
        const auto from = asking.tokens(
            asking.features.mail_macro ? mail : std::string_view{bracketed});
        if (auto outcome = check_mail(asking, from); outcome.ends())
            return kept_relay(std::move(outcome), rcpt);
        auto outcome = check_relay(asking);
        return outcome.ends() ? outcome : rcpt;
    }

    /// A sender that access.db accepts ends the questions; the reason that
    /// counts for the recipient is still that of check_rcpt.
    static Outcome kept_relay(Outcome mail, const Outcome& rcpt)
    {
        return mail.kind == Outcome::Kind::final_ok ? rcpt : mail;
    }

    std::shared_ptr<const Site> site_;
    World world_;
};

}  // namespace

Result<std::shared_ptr<const Policy>> Policy::make(Settings settings,
                                                   World world)
{
    auto site = Site::make(settings);
    if (!site)
        return fail(site.error());
    return std::make_shared<const Rulesets>(*std::move(site), std::move(world));
}

}  // namespace policy::relay
