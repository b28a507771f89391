// relay-milter's session: asks the relay policy at connect, MAIL and RCPT,
// and obeys.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "milters/milter/session.h"
#include "milters/relay/runtime.h"

namespace milters::relay {

/// The stages and macros that a RelaySession needs.
milter::Needs relay_needs();

/// One SMTP connection.  What was decided at connect is answered at MAIL,
/// where the client gets to see the text, as sendmail itself does.
class RelaySession final : public milter::Session {
public:
    explicit RelaySession(std::shared_ptr<const Runtime> runtime);

    milter::Answer connect(milter::Context& mta,
                           const milter::Peer& peer) override;
    milter::Answer helo(milter::Context& mta, std::string_view name) override;
    milter::Answer mail(milter::Context& mta, milter::Args args) override;
    milter::Answer rcpt(milter::Context& mta, milter::Args args) override;
    milter::Answer eom(milter::Context& mta) override;
    void abort() override;
    std::string id() const override;

private:
    /// From MAIL to eom, abort, or the next MAIL.
    struct Message {
        std::string from;
        std::string queue_id;
        std::optional<std::string> quarantine;  ///< reason
    };

    milter::Answer obey(const policy::Decision& decision,
                        const std::string& rcpt);
    void note(const policy::Decision& decision, const std::string& rcpt) const;
    void log_line(policy::Log::Level level, const policy::Decision& decision,
                  const std::string& rcpt) const;
    void log_json(const policy::Decision& decision,
                  const std::string& rcpt) const;
    void learn_queue_id(milter::Context& mta);

    std::shared_ptr<const Runtime> runtime_;
    std::string own_id_;
    policy::relay::Client client_;
    std::optional<std::string> quarantine_;  ///< decided at connect
    std::optional<Message> message_;
};

}  // namespace milters::relay
