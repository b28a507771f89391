// virus-milter's session: gathers a message, has it scanned, and obeys.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milters/milter/session.h"
#include "milters/virus/message.h"
#include "milters/virus/runtime.h"
#include "policy/scan/plan.h"

namespace milters::virus {

/// The stages, macros and edits that a VirusSession needs.
milter::Needs virus_needs();

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
    /// From MAIL to eom, abort, or the next MAIL.
    struct Transaction {
        Transaction(const policy::config::Virus& virus,
                    policy::scan::MailFrom mail_from);
        policy::scan::MailFrom from;
        std::vector<std::string> rcpts;  ///< as the client wrote them
        Message message;
        std::string queue_id;
    };

    bool is_skipped(const Transaction& mail) const;
    policy::scan::Verdict judge(milter::Context& mta, Transaction& mail);
    policy::scan::Verdict scan(milter::Context& mta, const Message& message,
                               bool urgent);
    policy::scan::Verdict scan_bytes(milter::Context& mta,
                                     std::string_view bytes);
    std::optional<std::string> stale(const policy::scan::EngineInfo& engine);
    policy::scan::Plan plan(const Transaction& mail,
                            const policy::scan::Verdict& verdict) const;
    milter::Answer obey(milter::Context& mta, const Transaction& mail,
                        const policy::scan::Verdict& verdict,
                        const policy::scan::Plan& plan);
    bool strip(milter::Context& mta, const Transaction& mail,
               const std::string& status);
    bool strip_all(milter::Context& mta, const Transaction& mail,
                   const std::string& status);
    std::optional<std::string> without_bad_parts(milter::Context& mta,
                                                 const Transaction& mail,
                                                 const std::string& status);
    bool is_good(milter::Context& mta, const Transaction& mail,
                 std::string_view bytes);
    bool mark(milter::Context& mta, const Transaction& mail,
              const std::string& status, bool tag);
    void note(const Transaction& mail, const policy::scan::Verdict& verdict,
              const policy::scan::Plan& plan) const;
    void note_json(const Transaction& mail,
                   const policy::scan::Plan& plan) const;
    void complain(const std::string& what) const;

    std::shared_ptr<const Runtime> runtime_;
    std::string own_id_;
    policy::ClientAddr client_;
    std::string client_name_;
    std::optional<Transaction> mail_;
};

}  // namespace milters::virus
