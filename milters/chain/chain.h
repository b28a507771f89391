// Several milters on one connection to the MTA, in a row.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "milters/chain/message.h"
#include "milters/milter/conduct.h"
#include "milters/milter/session.h"

namespace milters::chain {

/// One program out of several: each SMTP command is asked of one after the
/// other, and at the end of the message each has it as the ones before have
/// left it.  What comes of it is what comes of filters in this order in
/// sendmail:
///
///   - a refusal, or discard, of one is the answer; the rest are not asked;
///   - an accept of one ends that one only, for the message, or at connect
///     and helo for the connection;
///   - each sees the header and body that those before have changed, and the
///     recipients as they were given;
///   - what one throws is its 451, and a line in its log.
///
/// The MTA is asked for what any of them needs.
milter::Program combine(const char* name, std::vector<milter::Program> parts);

/// What the parts of a chain have in common.  Any thread may read it.
struct Parts {
    std::vector<milter::Program> programs;
    /// The one that may have header and body as they come from the MTA: the
    /// first that wants them, if it never answers there and none before it
    /// changes them.  The others have them at eom.  size(): none.
    std::size_t live = 0;
};

/// One SMTP connection.
class Chain final : public milter::Session {
public:
    explicit Chain(std::shared_ptr<const Parts> parts);

    milter::Answer connect(milter::Context& mta,
                           const milter::Peer& peer) override;
    milter::Answer helo(milter::Context& mta, std::string_view name) override;
    milter::Answer mail(milter::Context& mta, milter::Args args) override;
    milter::Answer rcpt(milter::Context& mta, milter::Args args) override;
    milter::Answer data(milter::Context& mta) override;
    milter::Answer header(milter::Context& mta, std::string_view name,
                          std::string_view value) override;
    milter::Answer eoh(milter::Context& mta) override;
    milter::Answer body(milter::Context& mta,
                        std::span<const unsigned char> chunk) override;
    milter::Answer eom(milter::Context& mta) override;
    void abort() override;
    std::string id() const override;

private:
    enum class State { open, done, closed };

    /// A milter on this connection.
    struct Link {
        const milter::Program& program;
        std::optional<milter::Conduct> conduct;
        State state = State::open;
    };

    using Step = std::function<milter::Answer(milter::Session&)>;

    milter::Answer ask(milter::Stage stage, const Step& step);
    milter::Answer stand() const;
    void ask_live(milter::Stage stage, const Step& step);
    bool keeps_body() const;
    bool is_last_with_body(const Link& link) const;
    milter::Answer end_of_message(Link& link, milter::Context& view);
    milter::Answer replay(Link& link, milter::Context& view);
    milter::Answer put_body(milter::Context& mta);
    void forget();
    void begin_message();

    std::shared_ptr<const Parts> parts_;
    std::vector<Link> links_;
    HeaderList::Mta mta_ = HeaderList::Mta::sendmail;
    std::optional<Message> message_;
};

}  // namespace milters::chain
