// filter-milter's session: gathers a message, runs recipes, and obeys.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milters/filter/judge.h"
#include "milters/filter/message.h"
#include "milters/filter/runtime.h"
#include "milters/milter/session.h"

namespace milters::filter {

/// The stages, macros and edits that a FilterSession needs.
milter::Needs filter_needs();

/// One SMTP connection.
class FilterSession final : public milter::Session {
public:
    explicit FilterSession(std::shared_ptr<const Runtime> runtime);

    milter::Answer connect(milter::Context& mta,
                           const milter::Peer& peer) override;
    milter::Answer helo(milter::Context& mta, std::string_view name) override;
    milter::Answer mail(milter::Context& mta, milter::Args args) override;
    milter::Answer rcpt(milter::Context& mta, milter::Args args) override;
    milter::Answer header(milter::Context& mta, std::string_view name,
                          std::string_view value) override;
    milter::Answer body(milter::Context& mta,
                        std::span<const unsigned char> chunk) override;
    milter::Answer eom(milter::Context& mta) override;
    void abort() override;
    std::string id() const override;

private:
    /// From MAIL to eom, abort, or the next MAIL.
    struct Transaction {
        explicit Transaction(std::uint64_t max_bytes) : text{max_bytes} {}
        Letter letter;
        Gathered text;
    };

    bool is_skipped() const;
    milter::Answer decide(milter::Context& mta);
    milter::Answer obey(milter::Context& mta, const policy::filter::Acts& acts);
    bool edit(milter::Context& mta, const policy::filter::Acts& acts);
    bool edit_headers(milter::Context& mta, const policy::filter::Acts& acts);
    void note(const Judgement& judgement, const policy::filter::Acts& acts);
    void note_copy(const policy::filter::Copy& copy);
    void note_json(const Judgement& judgement,
                   const policy::filter::Acts& acts);
    void complain(const std::string& what) const;

    std::shared_ptr<const Runtime> runtime_;
    std::string own_id_;
    policy::ClientAddr client_;
    std::string client_name_, helo_;
    std::optional<Transaction> mail_;
};

}  // namespace milters::filter
