#include "milters/postern/dialogue.h"

namespace milters::postern {

using policy::Decision;
using policy::Verdict;

bool is_refusal(Verdict verdict)
{
    return verdict == Verdict::reject || verdict == Verdict::tempfail;
}

const Decision& Dialogue::outcome() const
{
    const Decision* counts = nullptr;
    for (const auto& stage : stages) {
        if (is_refusal(stage.verdict))
            return stage;
        if (stage.verdict != Verdict::accept &&
            (!counts || counts->verdict != Verdict::discard))
            counts = &stage;
    }
    return counts ? *counts : stages.back();
}

Dialogue ask_all(const policy::relay::Policy& policy,
                 const policy::relay::Client& client, std::string_view mail,
                 std::string_view rcpt)
{
    Dialogue dialogue;
    auto& stages = dialogue.stages;
    stages.push_back(policy.connect(client));
    if (!is_refusal(stages.back().verdict))
        stages.push_back(policy.mail(client, mail));
    if (!is_refusal(stages.back().verdict))
        stages.push_back(policy.rcpt(client, mail, rcpt));
    return dialogue;
}

}  // namespace milters::postern
