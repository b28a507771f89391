#include "milters/login/log_pattern.h"

#include <algorithm>
#include <utility>

#include "milters/login/intake.h"
#include "milters/login/log_pieces.h"
#include "milters/login/log_stamp.h"
#include "policy/address.h"

namespace milters::login {
namespace {

/// One attempt to fit one variant on one line.
class Fit {
public:
    Fit(std::string_view line, const Stamp& stamp) : line_{line}, stamp_{stamp}
    {
    }

    bool whole(const Variant& v)
    {
        begin_ = 0;
        end_ = line_.size();
        for (const Piece& piece : v.left)
            if (!forward(piece))
                return false;
        if (!v.has_user)
            return begin_ == end_;
        if (!backward(v.right, v.right.size()) || begin_ >= end_)
            return false;
        fields_.user = line_.substr(begin_, end_ - begin_);
        return true;
    }

    LogFields& fields() { return fields_; }

private:
    std::string_view rest() const
    {
        return line_.substr(begin_, end_ - begin_);
    }

    /// Matches a piece at the left end of the rest and takes it off.
    bool forward(const Piece& piece)
    {
        if (piece.kind == Kind::stamp) {
            fields_.stamp = stamp_.time;
            begin_ += stamp_.size;
            return true;
        }
        if (piece.kind == Kind::json) {
            fields_.json = rest();
            begin_ = end_;
            return true;
        }
        for (const std::string& w : piece.words)
            if (rest().starts_with(w)) {
                begin_ += w.size();
                return true;
            }
        if (!piece.words.empty())
            return false;
        std::size_t stop = begin_;
        while (stop < end_ && holds(piece.kind, line_[stop]))
            ++stop;
        const auto value = line_.substr(begin_, stop - begin_);
        begin_ = stop;
        return take(piece.kind, value);
    }

    /// Matches the first `count` pieces of `right` backward from the end.
    bool backward(const std::vector<Piece>& right, std::size_t count)
    {
        for (; count > 0; --count) {
            const Piece& piece = right[count - 1];
            if (piece.kind == Kind::more)
                return elements(right, count - 1);
            if (!backward(piece))
                return false;
        }
        return true;
    }

    bool backward(const Piece& piece)
    {
        for (const std::string& w : piece.words)
            if (rest().ends_with(w)) {
                end_ -= w.size();
                return true;
            }
        if (!piece.words.empty())
            return false;
        std::size_t start = end_;
        while (start > begin_ && holds(piece.kind, line_[start - 1]))
            --start;
        const auto value = line_.substr(start, end_ - start);
        end_ = start;
        return take(piece.kind, value);
    }

    /// {more}: as few elements as let the pieces before it match.
    bool elements(const std::vector<Piece>& right, std::size_t count)
    {
        std::size_t at = end_;
        while (true) {
            end_ = at;
            if (backward(right, count) && begin_ < end_)
                return true;
            std::size_t start = at;
            while (start > begin_ && in_element(line_[start - 1]))
                --start;
            if (start == at || start < begin_ + 2 ||
                line_.substr(start - 2, 2) != ", ")
                return false;
            at = start - 2;
        }
    }

    /// Keeps a field; false if its value is impossible.
    bool take(Kind kind, std::string_view value)
    {
        switch (kind) {
            case Kind::ip:
            case Kind::ip4:
                fields_.ip = value;
                return policy::ClientAddr::parse(value).has_value();
            case Kind::service:
                fields_.service = service_name(value);
                return fields_.service == "pop3" || fields_.service == "imap";
            case Kind::pid:
                fields_.pid = value;
                return !value.empty();
            case Kind::method:
                fields_.method = value;
                return !value.empty();
            case Kind::host:
                fields_.host = value;
                return !value.empty();
            case Kind::name:
            case Kind::label:
                return true;
            default:
                return !value.empty();
        }
    }

    std::string_view line_;
    const Stamp& stamp_;
    LogFields fields_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace

policy::Result<LogPattern> LogPattern::make(std::string_view text)
{
    const auto pieces = cut(text);
    if (!pieces)
        return policy::fail(pieces.error());
    auto all = variants(*pieces);
    if (!all)
        return policy::fail(all.error());
    LogPattern pattern;
    pattern.variants_ =
        std::make_shared<const std::vector<Variant>>(std::move(*all));
    return pattern;
}

std::optional<LogFields> LogPattern::match(std::string_view line,
                                           const Stamp& stamp) const
{
    for (const Variant& v : *variants_) {
        Fit fit{line, stamp};
        if (fit.whole(v))
            return std::move(fit.fields());
    }
    return std::nullopt;
}

bool LogPattern::has(std::string_view field) const
{
    const auto wanted = kind_of(field);
    const auto in = [&](const std::vector<Piece>& pieces) {
        return std::any_of(pieces.begin(), pieces.end(),
                           [&](const Piece& p) { return p.kind == wanted; });
    };
    return std::all_of(
        variants_->begin(), variants_->end(), [&](const Variant& v) {
            return in(v.left) || in(v.right) || (field == "user" && v.has_user);
        });
}

}  // namespace milters::login
