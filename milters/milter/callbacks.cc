#include "milters/milter/callbacks.h"

#include <libmilter/mfapi.h>

#include <atomic>
#include <utility>

#include "milters/milter/conduct.h"
#include "milters/milter/reply.h"
#include "milters/milter/smfi.h"

namespace milters::milter {
namespace {

const Program* the_program = nullptr;
std::atomic<long> sessions{0};
std::atomic<long> handlers{0};

/// What hangs on a connection.
struct Connection {
    Connection() { ++sessions; }
    ~Connection() { --sessions; }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    Conduct conduct{*the_program};
};

/// Counts a handler while it runs.
struct Running {
    Running() { ++handlers; }
    ~Running() { --handlers; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
};

Connection* connection_of(SMFICTX* ctx)
{
    return static_cast<Connection*>(smfi_getpriv(ctx));
}

/// The connection's object.  There is none yet at the first callback, and
/// again after SMFIC_QUIT_NC, where the MTA goes on with a new client.
Connection& begin(SMFICTX* ctx)
{
    if (auto* old = connection_of(ctx))
        return *old;
    auto fresh = std::make_unique<Connection>();
    if (smfi_setpriv(ctx, fresh.get()) != MI_SUCCESS)
        throw std::runtime_error("smfi_setpriv failed");
    return *fresh.release();
}

void report(SMFICTX* ctx, const char* what) noexcept
try {
    auto* connection = connection_of(ctx);
    the_program->log(connection ? connection->conduct.id() : "NOQUEUE", what);
} catch (...) {
    // Nothing is left to tell it to.
}

sfsistat status_of(SMFICTX* ctx, const Answer& answer)
{
    switch (answer.kind()) {
        case Answer::Kind::proceed:
            return SMFIS_CONTINUE;
        case Answer::Kind::accept:
            return SMFIS_ACCEPT;
        case Answer::Kind::discard:
            return SMFIS_DISCARD;
        case Answer::Kind::skip:
            return SMFIS_SKIP;
        case Answer::Kind::refuse:
            break;
    }
    return refuse(ctx, wire_reply(answer.reply()));
}

/// Whether one more handler is too much, at a stage that can say so; others
/// are quick, and a message of which they missed a part must not go on.
bool too_busy(Stage stage)
{
    return handlers > the_program->most_handlers &&
           (stage == Stage::mail || stage == Stage::rcpt ||
            stage == Stage::eom);
}

Answer busy(SMFICTX* ctx)
{
    report(ctx, "too many handlers at work");
    return Answer::refuse(policy::temporary_failure());
}

/// Runs one handler: nothing that is thrown reaches libmilter's C code.
template <class Step>
sfsistat run(SMFICTX* ctx, Stage stage, Step step) noexcept
{
    const Running running;
    const bool silent = the_program->needs.is_silent(stage);
    try {
        SmfiContext context{ctx};
        const auto answer =
            begin(ctx).conduct.run(stage, [&](Session& session) {
                return too_busy(stage) ? busy(ctx) : step(session, context);
            });
        return silent ? SMFIS_NOREPLY : status_of(ctx, answer);
    } catch (...) {
        report(ctx, what_was_thrown().c_str());
        return silent ? SMFIS_NOREPLY : SMFIS_TEMPFAIL;
    }
}

Args args_of(char** argv)
{
    std::size_t n = 0;
    while (argv[n])
        ++n;
    return {argv, n};
}

sfsistat on_negotiate(SMFICTX* ctx, unsigned long actions,
                      unsigned long protocol, unsigned long, unsigned long,
                      unsigned long* want_actions, unsigned long* want_protocol,
                      unsigned long* f2, unsigned long* f3) noexcept
{
    const Running running;
    try {
        begin(ctx);
        const auto terms =
            negotiate(ctx, the_program->needs, {actions, protocol});
        *want_actions = terms.actions;
        *want_protocol = terms.protocol;
        *f2 = *f3 = 0;
        return SMFIS_CONTINUE;
    } catch (...) {
        report(ctx, what_was_thrown().c_str());
        return SMFIS_REJECT;  // the MTA does as it does for a dead milter
    }
}

sfsistat on_connect(SMFICTX* ctx, char* host, sockaddr* addr) noexcept
{
    return run(ctx, Stage::connect, [&](Session& s, Context& c) {
        return s.connect(
            c, Peer{host ? host : "", policy::ClientAddr::from_sockaddr(addr)});
    });
}

sfsistat on_helo(SMFICTX* ctx, char* name) noexcept
{
    return run(ctx, Stage::helo, [&](Session& s, Context& c) {
        return s.helo(c, name ? name : "");
    });
}

sfsistat on_mail(SMFICTX* ctx, char** argv) noexcept
{
    return run(ctx, Stage::mail, [&](Session& s, Context& c) {
        return s.mail(c, args_of(argv));
    });
}

sfsistat on_rcpt(SMFICTX* ctx, char** argv) noexcept
{
    return run(ctx, Stage::rcpt, [&](Session& s, Context& c) {
        return s.rcpt(c, args_of(argv));
    });
}

sfsistat on_data(SMFICTX* ctx) noexcept
{
    return run(ctx, Stage::data,
               [](Session& s, Context& c) { return s.data(c); });
}

sfsistat on_header(SMFICTX* ctx, char* name, char* value) noexcept
{
    return run(ctx, Stage::header, [&](Session& s, Context& c) {
        return s.header(c, name ? name : "", value ? value : "");
    });
}

sfsistat on_eoh(SMFICTX* ctx) noexcept
{
    return run(ctx, Stage::eoh,
               [](Session& s, Context& c) { return s.eoh(c); });
}

sfsistat on_body(SMFICTX* ctx, unsigned char* data, std::size_t size) noexcept
{
    return run(ctx, Stage::body, [&](Session& s, Context& c) {
        return s.body(c, {data, size});
    });
}

sfsistat on_eom(SMFICTX* ctx) noexcept
{
    return run(ctx, Stage::eom,
               [](Session& s, Context& c) { return s.eom(c); });
}

sfsistat on_abort(SMFICTX* ctx) noexcept
{
    const Running running;
    if (auto* connection = connection_of(ctx))
        connection->conduct.abort();
    return SMFIS_CONTINUE;
}

/// May be the only callback: a probe, or a kick of our own.
sfsistat on_close(SMFICTX* ctx) noexcept
{
    const Running running;
    delete connection_of(ctx);
    smfi_setpriv(ctx, nullptr);
    return SMFIS_CONTINUE;
}

}  // namespace

policy::Status register_program(const Program& program)
{
    the_program = &program;
    smfiDesc description{};
    description.xxfi_name = const_cast<char*>(program.name);  // read only
    description.xxfi_version = SMFI_VERSION;
    description.xxfi_flags = action_flags(program.needs);
    description.xxfi_connect = on_connect;
    description.xxfi_helo = on_helo;
    description.xxfi_envfrom = on_mail;
    description.xxfi_envrcpt = on_rcpt;
    description.xxfi_header = on_header;
    description.xxfi_eoh = on_eoh;
    description.xxfi_body = on_body;
    description.xxfi_eom = on_eom;
    description.xxfi_abort = on_abort;
    description.xxfi_close = on_close;
    description.xxfi_data = on_data;
    description.xxfi_negotiate = on_negotiate;
    if (smfi_register(description) != MI_SUCCESS)
        return policy::fail(policy::Errc::usage, "smfi_register failed");
    return {};
}

Activity activity()
{
    return {sessions.load(), handlers.load()};
}

}  // namespace milters::milter
