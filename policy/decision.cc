#include "policy/decision.h"

namespace policy {

const char* name_of(Stage stage)
{
    switch (stage) {
        case Stage::connect:
            return "connect";
        case Stage::helo:
            return "helo";
        case Stage::mail:
            return "mail";
        case Stage::rcpt:
            return "rcpt";
        case Stage::data:
            return "data";
        case Stage::header:
            return "header";
        case Stage::eoh:
            return "eoh";
        case Stage::body:
            return "body";
        case Stage::eom:
            return "eom";
    }
    return "?";
}

const char* name_of(Verdict verdict)
{
    switch (verdict) {
        case Verdict::accept:
            return "accept";
        case Verdict::reject:
            return "reject";
        case Verdict::tempfail:
            return "tempfail";
        case Verdict::discard:
            return "discard";
        case Verdict::quarantine:
            return "quarantine";
    }
    return "?";
}

}  // namespace policy
