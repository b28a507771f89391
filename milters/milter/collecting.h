// The session of a milter that judges messages as a whole: gathers one from
// MAIL to its end, and has it judged there.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "milters/milter/session.h"

namespace milters::milter {

/// Where a message comes from.
struct Origin {
    std::string own_id;         ///< of the connection
    policy::ClientAddr client;  ///< as the MTA names it, else the peer
    std::string client_name;    ///< as Peer::name
    std::string helo;           ///< empty where HELO is not asked for
    std::string sender;         ///< as the client wrote it
    std::string auth_user;      ///< of SMTP AUTH; empty: none
    std::string queue_id;       ///< printable; empty: not known yet

    std::string id() const { return queue_id.empty() ? "NOQUEUE" : queue_id; }
};

/// One message.  Made at MAIL; gone at eom, abort, or the next MAIL.
class Collected {
public:
    virtual ~Collected() = default;

    /// What begin() was given.
    virtual Origin& origin() = 0;
    /// @param rcpt  as the client wrote it
    virtual Answer rcpt(std::string rcpt) = 0;
    virtual void header(std::string_view name, std::string_view value) = 0;
    virtual void end_of_headers() {}
    virtual void body(std::string_view chunk) = 0;
    /// Judges, and does what follows.  The queue id is known now if the MTA
    /// ever tells it.
    virtual Answer eom(Context& mta) = 0;
};

/// One SMTP connection.  Wants the macro client_addr at connect and MAIL,
/// auth_authen at MAIL, and i at MAIL and eom.
class CollectingSession : public Session {
public:
    CollectingSession();

    Answer connect(Context& mta, const Peer& peer) final;
    Answer helo(Context& mta, std::string_view name) final;
    Answer mail(Context& mta, Args args) final;
    Answer rcpt(Context& mta, Args args) final;
    Answer header(Context& mta, std::string_view name,
                  std::string_view value) final;
    Answer eoh(Context& mta) final;
    Answer body(Context& mta, std::span<const unsigned char> chunk) final;
    Answer eom(Context& mta) final;
    void abort() final;
    std::string id() const final;

private:
    virtual std::unique_ptr<Collected> begin(Origin origin) = 0;

    Origin connection_;  ///< what is known before MAIL
    std::unique_ptr<Collected> mail_;
};

/// What a CollectingSession needs, which may change whatever is in a message:
/// silent but at eom.  What is more, such as answers at RCPT, is for the
/// caller to add.
Needs collecting_needs();

/// A macro's value; empty where there is none.
std::string text_of(Context& mta, const char* macro);

}  // namespace milters::milter
