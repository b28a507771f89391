#include "policy/map/text.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace policy::map {
namespace {

bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// A piece of text as fgets(3) hands it out, without its newline.
struct Piece {
    std::string_view text;
    bool too_long;  ///< the rest of the line is yet to come
};

Piece next_piece(std::string_view& rest)
{
    const auto length = std::min(rest.find('\n'), rest.size());
    const bool too_long = length > text_line_max;
    const auto taken = too_long ? text_line_max + 1 : length;
    Piece piece{rest.substr(0, taken), too_long};
    rest.remove_prefix(taken);
    if (!too_long && !rest.empty())
        rest.remove_prefix(1);
    piece.text = piece.text.substr(0, piece.text.find('\0'));
    return piece;
}

TextLine split(std::size_t number, const Piece& piece)
{
    const auto text = piece.text;
    if (piece.too_long)
        return {number, text, {}, "line too long"};
    if (is_space(text.front()))
        return {number, text, {}, "leading blank"};
    const auto* const key_end =
        std::find_if(text.begin(), text.end(), is_space);
    const auto* const value = std::find_if_not(key_end, text.end(), is_space);
    return {number,
            {text.begin(), key_end},
            {value, text.end()},
            value == text.end() ? "no value" : nullptr};
}

/// A Source whose Snapshot never changes.
class Fixed final : public Source {
public:
    Fixed(std::shared_ptr<const Snapshot> snapshot, std::string name)
        : snapshot_{std::move(snapshot)}, name_{std::move(name)}
    {
    }
    Result<std::shared_ptr<const Snapshot>> current() override
    {
        return snapshot_;
    }
    const std::string& name() const override { return name_; }

private:
    std::shared_ptr<const Snapshot> snapshot_;
    std::string name_;
};

}  // namespace

std::string folded(std::string_view text)
{
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), fold);
    return out;
}

void for_each_line(std::string_view text,
                   const std::function<void(const TextLine&)>& visit)
{
    for (std::size_t number = 1; !text.empty(); ++number) {
        const Piece piece = next_piece(text);
        const bool comment = piece.text.substr(0, 1) == "#";
        if (piece.too_long || (!piece.text.empty() && !comment))
            visit(split(number, piece));
    }
}

TextMap read_text(std::string_view text, const std::string& name)
{
    Table::Builder builder;
    TextMap map;
    const auto complain = [&](const TextLine& line, std::string what) {
        map.complaints.push_back(name + ":" + std::to_string(line.number) +
                                 ": " + std::move(what));
    };
    for_each_line(text, [&](const TextLine& line) {
        if (line.problem)
            complain(line, line.problem);
        else if (!builder.add(folded(line.key), line.value))
            complain(line, "duplicate key " + std::string{line.key});
    });
    map.table = std::move(builder).finish();
    return map;
}

Result<std::shared_ptr<const Snapshot>> from_text(std::string_view text,
                                                  const std::string& name)
{
    std::optional<Error> first;
    for_each_line(text, [&](const TextLine& line) {
        if (line.problem && !first)
            first =
                Error{Errc::parse, name + ":" + std::to_string(line.number) +
                                       ": " + line.problem};
    });
    if (first)
        return fail(*first);
    return read_text(text, name).table;
}

std::unique_ptr<Source> fixed(std::shared_ptr<const Snapshot> snapshot,
                              std::string name)
{
    return std::make_unique<Fixed>(std::move(snapshot), std::move(name));
}

}  // namespace policy::map
