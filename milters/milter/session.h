// What a milter program writes: one Session per SMTP connection, answers
// instead of return codes, and a Context through which it sees the MTA.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "policy/address.h"
#include "policy/decision.h"

namespace milters::milter {

using policy::Stage;

/// What a handler says to the MTA.  There is no way to say "reject" with a
/// 4yz reply or the other way round: the code decides.
class Answer {
public:
    enum class Kind { proceed, accept, refuse, discard, skip };

    static Answer proceed() { return Answer{Kind::proceed}; }
    /// No more questions about this message (this connection, if said at
    /// connect or helo; never meant so at rcpt, which others share).
    static Answer accept() { return Answer{Kind::accept}; }
    static Answer discard() { return Answer{Kind::discard}; }
    /// No more body chunks; eom still comes.
    static Answer skip() { return Answer{Kind::skip}; }
    static Answer refuse(policy::Reply reply)
    {
        Answer answer{Kind::refuse};
        answer.reply_ = std::move(reply);
        return answer;
    }

    Kind kind() const { return kind_; }
    const policy::Reply& reply() const { return reply_; }

private:
    explicit Answer(Kind kind) : kind_{kind} {}

    Kind kind_;
    policy::Reply reply_{};
};

/// Whether libmilter and the MTA take this answer, with its text, at this
/// stage.  Where not, the layer gives it at the next stage that does: the
/// text of a refusal at connect is dropped by the MTA (it keeps 4 or 5 only),
/// and discard is undefined before MAIL.
bool is_legal(Stage stage, Answer::Kind kind);

/// The client as the MTA names it at connect.
struct Peer {
    std::string name;         ///< host name, or `[192.0.2.1]`, or `unknown`
    policy::ClientAddr addr;  ///< none: the MTA sent no address
};

/// The MTA, as far as a handler may talk to it.  Valid during the call only.
class Context {
public:
    virtual ~Context() = default;

    /// A macro by its name, with or without braces: "j", "{auth_type}" or
    /// "auth_type".  nullopt where the MTA did not send it; an empty value is
    /// a value.  The bytes are valid during the call only.
    virtual std::optional<std::string_view> macro(const char* name) = 0;

    /// At eom only.  false: not granted by the MTA, or it did not work.
    virtual bool quarantine(const std::string& reason) = 0;
    virtual bool add_header(const std::string& name,
                            const std::string& value) = 0;
    /// Puts a header above the `index`-th that the message has; 0: above
    /// all, also above what the MTA itself has put there.
    virtual bool insert_header(int index, const std::string& name,
                               const std::string& value) = 0;
    /// Gives the `index`-th (from 1) header of this name another value;
    /// nullptr takes it away.  Of several, begin with the last.
    virtual bool change_header(const std::string& name, int index,
                               const std::string* value) = 0;
    /// The body, with CRLF line ends.  A second call appends.
    virtual bool replace_body(std::string_view bytes) = 0;
    virtual bool add_recipient(const std::string& rcpt) = 0;
    virtual bool delete_recipient(const std::string& rcpt) = 0;
    /// Keeps the MTA waiting while eom takes its time.
    virtual bool progress() = 0;
};

/// ESMTP command arguments: [0] is the address as the client wrote it.
using Args = std::span<const char* const>;

/// One SMTP connection.  libmilter calls a connection's handlers one after
/// the other, though on changing threads: no lock is needed, and nothing may
/// be kept in thread_local.  What a handler throws is logged and answered
/// with 451.
class Session {
public:
    virtual ~Session() = default;

    virtual Answer connect(Context&, const Peer&) { return Answer::proceed(); }
    virtual Answer helo(Context&, std::string_view)
    {
        return Answer::proceed();
    }
    /// Starts a message: whatever is left of the one before is void, since
    /// after a refusal libmilter sends no abort.
    virtual Answer mail(Context&, Args) { return Answer::proceed(); }
    virtual Answer rcpt(Context&, Args) { return Answer::proceed(); }
    virtual Answer data(Context&) { return Answer::proceed(); }
    virtual Answer header(Context&, std::string_view, std::string_view)
    {
        return Answer::proceed();
    }
    virtual Answer eoh(Context&) { return Answer::proceed(); }
    virtual Answer body(Context&, std::span<const unsigned char>)
    {
        return Answer::proceed();
    }
    virtual Answer eom(Context&) { return Answer::proceed(); }
    /// The message is over without eom.
    virtual void abort() {}

    /// For the log of what a handler threw.
    virtual std::string id() const { return "NOQUEUE"; }
};

/// What a program's sessions want of the MTA.
struct Needs {
    /// Stages whose handler does something, in the order of Stage.
    std::array<bool, 9> wanted{};
    /// Of these, the ones that never answer: the MTA does not wait.
    std::array<bool, 9> silent{};
    bool quarantine = false;
    bool add_header = false;
    bool change_headers = false;
    bool replace_body = false;
    bool change_recipients = false;
    /// Macros by stage, blank between names; null: the MTA's own choice.
    /// Only connect, helo, mail, rcpt, data, eoh and eom can have some.
    std::array<const char*, 9> macros{};

    Needs& want(Stage stage, const char* names = nullptr);
    Needs& want_silently(Stage stage, const char* names = nullptr);
    bool wants(Stage stage) const
    {
        return wanted[static_cast<std::size_t>(stage)];
    }
    bool is_silent(Stage stage) const
    {
        return silent[static_cast<std::size_t>(stage)];
    }
};

/// A milter program, as the callbacks know it.
struct Program {
    const char* name;
    Needs needs;
    /// A new session, bound to the configuration now in force.
    std::function<std::unique_ptr<Session>()> make_session;
    /// Handlers that may be at work at a time: libmilter starts a thread for
    /// each and knows no bound.  Beyond, MAIL, RCPT and the end of a message
    /// are answered with 451 at once.
    long most_handlers = 1000;
    /// One line about a failure of our own; `id` is the session's.
    std::function<void(const std::string& id, const std::string& what)> log;
};

}  // namespace milters::milter
