// The message on its way through the milters of a chain.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "milters/chain/header_list.h"
#include "milters/milter/session.h"

namespace milters::chain {

/// What one milter leaves for the next, and what the MTA is told at the end.
/// For one message, and one thread at a time.
struct Message {
    explicit Message(HeaderList::Mta mta) : headers{mta} {}

    HeaderList headers;
    /// The body as it came, while milters are still to be given it; chunks.
    std::vector<std::string> body;
    /// Another body, as the milters put it, CRLF line ends.
    std::optional<std::string> other_body;

    /// Hands the body over in chunks as sendmail would: what a milter put in
    /// its place has gone through sendmail's own file of LF line ends.
    /// @param last  nobody else is to be given it: forgets the one that came
    void for_each_chunk(
        bool last,
        const std::function<void(std::span<const unsigned char>)>& show);
};

/// A body as a filter is given it that comes behind one which has put this in
/// its place: every LF has one CR before it.
/// Source: milter_replbody() and milter_body() in sendmail/milter.c.
std::string as_next_filter_sees(std::string_view body);

/// The MTA as one milter of a chain sees it.
class View final : public milter::Context {
public:
    View(milter::Context& mta, Message& message) : mta_{mta}, message_{message}
    {
    }

    std::optional<std::string_view> macro(const char* name) override;
    bool quarantine(const std::string& reason) override;
    bool add_header(const std::string& name, const std::string& value) override;
    bool insert_header(int index, const std::string& name,
                       const std::string& value) override;
    bool change_header(const std::string& name, int index,
                       const std::string* value) override;
    /// Kept back: the MTA would append a second milter's body to the first's.
    bool replace_body(std::string_view bytes) override;
    bool add_recipient(const std::string& rcpt) override;
    bool delete_recipient(const std::string& rcpt) override;
    bool progress() override;

private:
    milter::Context& mta_;
    Message& message_;
    bool has_replaced_ = false;
};

}  // namespace milters::chain
