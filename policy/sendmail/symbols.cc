#include "policy/sendmail/symbols.h"

#include <array>
#include <memory_resource>
#include <optional>

#include "policy/tokens.h"

namespace policy::sendmail {
namespace {

constexpr std::string_view operators = ".:%@!^/[]+()<>,;";

/// Signs of one letter behind the dollar.
std::optional<Sign> sign_of(char letter, bool pattern)
{
    switch (letter) {
        case '*':
            return Sign::any;
        case '+':
            return Sign::some;
        case '-':
            return Sign::one;
        case '@':
            return pattern ? Sign::none : Sign::host;
        case '#':
            return Sign::mailer;
        case ':':
            return Sign::user;
        case '>':
            return Sign::call;
        case '[':
            return Sign::host_begin;
        case ']':
            return Sign::host_end;
        case '(':
            return Sign::lookup_begin;
        case ')':
            return Sign::lookup_end;
        case '|':
            return Sign::separator;
        default:
            return std::nullopt;
    }
}

/// Signs that a name follows.
std::optional<Sign> naming(char letter)
{
    switch (letter) {
        case '=':
            return Sign::in_class;
        case '~':
            return Sign::not_in_class;
        case '&':
            return Sign::macro;
        default:
            return std::nullopt;
    }
}

/// Reads one side of a rule.
class Reader {
public:
    Reader(std::string_view text, bool pattern) : text_{text}, pattern_{pattern}
    {
    }

    Symbols read() &&
    {
        while (at_ < text_.size())
            if (text_[at_] != '$' || at_ + 1 == text_.size() || !sign())
                plain(text_[at_++]);
        end_word();
        return std::move(out_);
    }

private:
    void end_word()
    {
        if (!word_.empty())
            out_.push_back({Sign::word, word_});
        word_.clear();
    }

    void add(Sign sign, std::string text)
    {
        end_word();
        out_.push_back({sign, std::move(text)});
    }

    /// `{name}` or one letter.
    std::string name()
    {
        if (at_ >= text_.size())
            return {};
        const auto end =
            text_[at_] == '{' ? text_.find('}', at_) : std::string_view::npos;
        const auto size = end == text_.npos ? 1 : end - at_ + 1;
        at_ += size;
        return std::string{text_.substr(at_ - size, size)};
    }

    /// Whether a sign begins here; then it is taken.
    bool sign()
    {
        const char letter = text_[at_ + 1];
        if (letter >= '1' && letter <= '9') {
            at_ += 2;
            add(Sign::matched, std::string(1, letter));
        } else if (const auto named = naming(letter)) {
            at_ += 2;
            add(*named, name());
        } else if (const auto sign = sign_of(letter, pattern_)) {
            at_ += 2;
            add(*sign, "");
        } else {
            return false;
        }
        return true;
    }

    void plain(char c)
    {
        if (c == '"')
            return quoted();
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            return end_word();
        if (operators.find(c) == operators.npos) {
            word_ += c;
            if (c == '\\' && at_ < text_.size())
                word_ += text_[at_++];
            return;
        }
        add(Sign::word, std::string(1, c));
    }

    void quoted()
    {
        end_word();
        word_ = '"';
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            word_ += c;
            if (c == '"')
                break;
            if (c == '\\' && at_ < text_.size())
                word_ += text_[at_++];
        }
        end_word();
    }

    std::string_view text_;
    bool pattern_;
    std::size_t at_ = 0;
    std::string word_;
    Symbols out_;
};

bool grows(const Symbol& symbol)
{
    return symbol.sign == Sign::word && !symbol.text.empty() &&
           is_atom(symbol.text);
}

}  // namespace

Symbols rule_symbols(std::string_view text, bool pattern)
{
    return Reader{text, pattern}.read();
}

Symbols words_of(std::string_view text)
{
    std::array<std::byte, 4096> room;
    std::pmr::monotonic_buffer_resource memory{room.data(), room.size()};
    Symbols out;
    for (const auto token : tokenise(text, &memory))
        out.push_back({Sign::word, std::string{token}});
    return out;
}

std::string text_of(SymbolSpan symbols, char blank)
{
    std::string out;
    bool after_word = false;
    for (const auto& symbol : symbols) {
        if (after_word && grows(symbol))
            out += blank;
        after_word = grows(symbol);
        out += symbol.sign == Sign::separator ? "$|" : symbol.text;
    }
    return out;
}

}  // namespace policy::sendmail
