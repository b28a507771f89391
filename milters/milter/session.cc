#include "milters/milter/session.h"

namespace milters::milter {

Needs& Needs::want(Stage stage, const char* names)
{
    wanted[static_cast<std::size_t>(stage)] = true;
    silent[static_cast<std::size_t>(stage)] = false;
    macros[static_cast<std::size_t>(stage)] = names;
    return *this;
}

Needs& Needs::want_silently(Stage stage, const char* names)
{
    want(stage, names);
    silent[static_cast<std::size_t>(stage)] = true;
    return *this;
}

bool is_legal(Stage stage, Answer::Kind kind)
{
    switch (kind) {
        case Answer::Kind::proceed:
        case Answer::Kind::accept:
            return true;
        case Answer::Kind::skip:
            return stage == Stage::body;
        case Answer::Kind::discard:
            return stage != Stage::connect && stage != Stage::helo;
        case Answer::Kind::refuse:
            return stage != Stage::connect;
    }
    return false;
}

}  // namespace milters::milter
