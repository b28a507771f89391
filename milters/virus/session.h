// virus-milter's session: gathers a message, has it scanned, and obeys.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "milters/milter/session.h"
#include "milters/virus/transaction.h"

namespace milters::virus {

/// The stages, macros and edits that a VirusSession needs.
/// @param answers_rcpt  recipients may be asked to come again
milter::Needs virus_needs(bool answers_rcpt);

/// One SMTP connection.
class VirusSession final : public milter::Session {
public:
    explicit VirusSession(std::shared_ptr<const Runtime> runtime);

    milter::Answer connect(milter::Context& mta,
                           const milter::Peer& peer) override;
    milter::Answer mail(milter::Context& mta, milter::Args args) override;
    milter::Answer rcpt(milter::Context& mta, milter::Args args) override;
    milter::Answer header(milter::Context& mta, std::string_view name,
                          std::string_view value) override;
    milter::Answer eoh(milter::Context& mta) override;
    milter::Answer body(milter::Context& mta,
                        std::span<const unsigned char> chunk) override;
    milter::Answer eom(milter::Context& mta) override;
    void abort() override;
    std::string id() const override;

private:
    milter::Answer judge(milter::Context& mta, Transaction& mail);
    bool must_split(const std::string& rcpt);

    std::shared_ptr<const Runtime> runtime_;
    std::string own_id_;
    policy::ClientAddr client_;
    std::string client_name_;
    std::optional<Transaction> mail_;
};

}  // namespace milters::virus
