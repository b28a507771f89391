// A message as procmail sees it: LF text, From_ line first, a header that is
// searched unfolded, a body.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "policy/recipe/automaton.h"
#include "policy/recipe/decode.h"

namespace policy::recipe {

/// What a condition searches.
enum class Part { head, body, both };

/// The line that a delivery agent puts first: "From SENDER  DATE\n".
/// `sender` is the envelope sender, "MAILER-DAEMON" if it is null; `seconds`
/// since 1970, printed in UTC.
std::string from_line(std::string_view sender, long long seconds);

/// A text with `line` before it; leading empty lines and a From_ line that it
/// already has are dropped.
std::string with_from_line(std::string_view text, std::string_view line);

/// Immutable text; areas are made when first asked for, so not shared between
/// threads.
class Message {
public:
    /// `text`: LF line ends.  A Content-Length field is set to the length of
    /// the body, as far as there is room, as procmail does.
    explicit Message(std::string text);

    std::string_view text() const { return text_; }
    std::string_view header() const
    {
        return std::string_view{text_}.substr(0, body_at_);
    }
    std::string_view body() const
    {
        return std::string_view{text_}.substr(body_at_);
    }
    std::size_t size() const { return text_.size(); }
    std::size_t size(Part part) const;
    /// The part with the header's folded lines joined.
    const Area& area(Part part) const;
    /// The same as its reader sees it: decoded to UTF-8.
    const Area& decoded_area(Part part) const;
    /// Names and types of attachments are in it, too.
    const Decoded& decoded() const;

    /// Without the From_ line.
    std::string_view text_after_from() const;

    /// Lines of `part`, which is of this text, that begin "From " and get a >
    /// in a mailbox file.
    std::size_t from_lines(std::string_view part) const;

private:
    void find_body();
    void set_content_length();
    std::string unfolded() const;

    std::string text_;
    std::size_t start_ = 0;  ///< of the header, behind empty lines
    std::size_t body_at_ = 0;
    std::size_t escape_at_ = 0;  ///< body lines from here on are escaped
    mutable std::optional<Area> areas_[3];
    mutable std::optional<Area> decoded_areas_[3];
    mutable std::shared_ptr<const Decoded> decoded_;
};

}  // namespace policy::recipe
