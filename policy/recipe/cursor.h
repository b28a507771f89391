// A place in a rc text that knows its line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace policy::recipe {

/// Reads a text byte by byte.  `text` must outlive it.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_{text} {}

    bool at_end() const { return pos_ >= text_.size(); }
    /// The byte `ahead` of here, NUL behind the end.
    char peek(std::size_t ahead = 0) const
    {
        return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
    }
    /// Steps over `c` if it is here.
    bool take(char c)
    {
        if (at_end() || text_[pos_] != c)
            return false;
        advance(1);
        return true;
    }
    /// Steps over blanks and tabs; true if there were any.
    bool skip_blanks();
    void skip_line();
    void advance(std::size_t bytes);
    std::string_view rest() const { return text_.substr(pos_); }
    std::size_t position() const { return pos_; }
    std::size_t line() const { return line_; }
    std::string_view since(std::size_t start) const
    {
        return text_.substr(start, pos_ - start);
    }
    /// A line and those that its backslashes join to it, without the last
    /// newline.  An empty line ends even a joined one.
    std::string_view joined_line();
    /// The name here, "" if there is none; `ends_well`: a blank, a newline or
    /// = follows, as it must where a statement begins.
    std::string_view name(bool& ends_well);

private:
    std::string_view text_;
    std::size_t pos_ = 0;
    std::size_t line_ = 1;
};

/// What procmail makes of a joined line: backslash-newline and the blanks that
/// begin the next line vanish.
std::string unjoin(std::string_view text);

}  // namespace policy::recipe
