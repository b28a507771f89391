// How a program's session is asked: nothing that it throws gets out, and an
// answer that cannot be given at a stage waits for one where it can.
#pragma once

#include <memory>
#include <string>

#include "milters/milter/session.h"

namespace milters::milter {

/// One program's session on one connection, with what waits.
///
/// An answer given at connect or helo that must wait concerns every message,
/// and is given at each MAIL.  One given later concerns that message, and is
/// given wherever the program answers next, at the latest at eom: a handler
/// of a silent stage that fails does not let half a message pass.
class Conduct {
public:
    /// Makes the session.  `program` outlives it.
    explicit Conduct(const Program& program)
        : program_{program}, session_{program.make_session()}
    {
    }

    /// Asks one handler, or proceeds where the program wants no question.
    /// @param step  called with the session, returns an Answer
    /// @return what is legal at this stage; proceed at a silent one
    template <class Step>
    Answer run(Stage stage, Step step) noexcept
    {
        if (!program_.needs.wants(stage))
            return Answer::proceed();
        if (stage == Stage::mail)
            for_message_ = Answer::proceed();
        else if (for_message_.kind() != Answer::Kind::proceed)
            return give(stage, for_message_);
        Answer answer = Answer::proceed();
        try {
            answer = step(*session_);
        } catch (...) {
            answer = failed();
        }
        if (stage == Stage::mail && for_all_.kind() != Answer::Kind::proceed)
            answer = for_all_;
        return give(stage, std::move(answer));
    }

    void abort() noexcept;
    /// Of the session, for the log.
    std::string id() const noexcept;

private:
    /// Logs the exception that is being handled.  @return 451
    Answer failed() noexcept;
    Answer give(Stage stage, Answer answer) noexcept;

    const Program& program_;
    std::unique_ptr<Session> session_;
    Answer for_all_ = Answer::proceed();
    Answer for_message_ = Answer::proceed();
};

/// Text of the exception that is being handled.
std::string what_was_thrown();

}  // namespace milters::milter
