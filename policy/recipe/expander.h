// What reads one shell-like text byte by byte; see expand.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/recipe/expand.h"

namespace policy::recipe {

/// Reads one text, once.  All that it is given outlives it.
class Expander {
public:
    Expander(std::string_view source, Words words, const Lookup& lookup,
             std::size_t limit, bool in_quotes, const Commands& commands)
        : source_{source},
          words_{words},
          lookup_{lookup},
          commands_{commands},
          limit_{limit}
    {
        if (in_quotes)
            at_ = At::in_double;
    }

    Expansion read();

private:
    static constexpr int end = -1;
    /// Where it is between and inside words, in rising order of quoting.
    enum class At { start, between, word, in_double, in_single };

    int next()
    {
        const int c = pos_ < source_.size()
                          ? static_cast<unsigned char>(source_[pos_])
                          : end;
        ++pos_;
        return c;
    }
    int peek() const
    {
        return pos_ < source_.size() ? static_cast<unsigned char>(source_[pos_])
                                     : end;
    }
    void put(int c)
    {
        if (out_.text.size() <= limit_)
            out_.text.push_back(static_cast<char>(c));
        else
            out_.overflow = true;
    }
    void literal(int c)
    {
        put(c);
        begin_word();
    }
    void begin_word()
    {
        if (at_ <= At::between)
            at_ = At::word;
    }
    bool quoted() const { return at_ > At::word; }
    /// Inside a ${NAME-...} whose closing brace would count here.
    bool in_braces() const
    {
        return at_ == At::in_double ? braces_ > quote_braces_
                                    : at_ <= At::word && braces_ > 0;
    }

    bool step();
    bool finish_early();
    bool backslash();
    bool backquote();
    void double_quote();
    void single_quote();
    void close_brace();
    bool comment();
    bool blank(int c);
    bool dollar();
    bool braced_name();
    void alternative(char op, bool colon, std::string_view name);
    bool plain_name(bool regexp_quoted);
    void value(std::string_view text);
    void split_value(std::string_view text);
    void quoted_value(std::string_view text);
    std::optional<std::string_view> look_up(std::string_view name);

    std::string_view source_;
    Words words_;
    const Lookup& lookup_;
    const Commands& commands_;
    std::size_t limit_;
    std::size_t pos_ = 0;
    At at_ = At::start;
    int braces_ = 0;
    int quote_braces_ = 0;
    // While the other text of ${NAME-other} is passed over:
    bool passing_ = false;
    std::string passed_value_;
    std::size_t passed_size_ = 0;
    int passed_braces_ = 0;
    At passed_at_ = At::start;
    Expansion out_;
};

}  // namespace policy::recipe
