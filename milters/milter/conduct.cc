#include "milters/milter/conduct.h"

#include <exception>
#include <utility>

namespace milters::milter {

std::string what_was_thrown()
try {
    throw;
} catch (const std::exception& e) {
    return e.what();
} catch (...) {
    return "unknown exception";
}

std::string Conduct::id() const noexcept
try {
    return session_->id();
} catch (...) {
    return {};
}

Answer Conduct::failed() noexcept
{
    try {
        program_.log(id(), what_was_thrown());
    } catch (...) {
        // Nothing is left to tell it to.
    }
    return Answer::refuse(policy::temporary_failure());
}

Answer Conduct::give(Stage stage, Answer answer) noexcept
{
    const bool silent = program_.needs.is_silent(stage);
    if (answer.kind() == Answer::Kind::skip && (silent || stage != Stage::body))
        return Answer::proceed();
    if (answer.kind() == Answer::Kind::proceed ||
        (!silent && is_legal(stage, answer.kind())))
        return answer;
    const bool early = stage == Stage::connect || stage == Stage::helo;
    (early ? for_all_ : for_message_) = std::move(answer);
    return Answer::proceed();
}

void Conduct::abort() noexcept
try {
    for_message_ = Answer::proceed();
    session_->abort();
} catch (...) {
    failed();
}

}  // namespace milters::milter
