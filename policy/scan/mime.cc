#include "policy/scan/mime.h"

#include <algorithm>

#include "policy/scan/field.h"

namespace policy::scan {
namespace {

constexpr auto npos = std::string_view::npos;

/// Whether the bytes of a body are the bytes of what it holds.
bool is_unencoded(std::string_view header)
{
    const auto coding =
        first_word(header_value(header, "content-transfer-encoding"));
    return coding.empty() || coding == "7bit" || coding == "8bit" ||
           coding == "binary";
}

/// Where a line ends, without its end, and where the next one begins.
struct Line {
    std::string_view text;
    std::size_t next;
};

Line line_at(std::string_view text, std::size_t at)
{
    const auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return {line, std::min(end + 1, text.size())};
}

/// Goes through the lines once.  A line is compared with the boundaries of the
/// multiparts around it, of which there are at most max_depth.
class Walk {
public:
    Walk(std::string_view text, std::size_t most, bool into_messages)
        : text_{text}, most_{most}, into_messages_{into_messages}
    {
    }

    /// False where it is more than is looked at.
    bool run()
    {
        for (std::size_t at = 0; at < text_.size() && !too_much_;) {
            const Line line = line_at(text_, at);
            if (!take_delimiter(line, at) && in_ == In::header &&
                line.text.empty())
                end_header(line.next);
            at = line.next;
        }
        if (in_ == In::header && open_.empty())
            return false;
        end_part(text_.size());
        close(0, text_.size());
        return !too_much_;
    }

    std::vector<Leaf> leaves;

private:
    enum class In { header, leaf, between };

    /// What is around the present line.
    struct Open {
        std::string mark;  ///< of a multipart; empty: an attached message
        std::size_t leaf;  ///< of the attached message
    };

    /// A delimiter of an outer multipart ends the inner ones.
    bool take_delimiter(const Line& line, std::size_t begin)
    {
        if (!line.text.starts_with("--"))
            return false;
        for (std::size_t i = 0; i < open_.size(); ++i) {
            const std::string& mark = open_[i].mark;
            if (mark.empty() || !line.text.starts_with(mark))
                continue;
            auto rest = line.text.substr(mark.size());
            const bool last = rest.starts_with("--");
            if (last)
                rest.remove_prefix(2);
            if (rest.find_first_not_of(" \t") != npos)
                continue;
            const auto end = before_line_end(begin);
            end_part(end);
            close(last ? i : i + 1, end);
            in_ = last ? In::between : In::header;
            part_ = {line.next, line.next, line.next};
            return true;
        }
        return false;
    }

    /// The line end before a delimiter is the delimiter's.
    std::size_t before_line_end(std::size_t at) const
    {
        if (at > 0 && text_[at - 1] == '\n')
            --at;
        if (at > 0 && text_[at - 1] == '\r')
            --at;
        return at;
    }

    void end_header(std::size_t body)
    {
        part_.body = body;
        const auto header = text_.substr(part_.begin, body - part_.begin);
        std::string boundary = boundary_of(header);
        const auto type = first_word(header_value(header, "content-type"));
        const bool is_message =
            into_messages_ && is_unencoded(header) &&
            (type == "message/rfc822" || type == "message/global");
        in_ = !boundary.empty() ? In::between : In::leaf;
        if (boundary.empty() && !is_message)
            return;
        if (open_.size() >= max_depth) {
            too_much_ = true;
            return;
        }
        open_.push_back({boundary.empty() ? "" : "--" + boundary, 0});
        if (!is_message)
            return;
        open_.back().leaf = leaves.size();
        add(part_);
        in_ = In::header;
        part_ = {body, body, body};
    }

    /// A part whose header has no end has no body.
    void end_part(std::size_t end)
    {
        if (in_ == In::header)
            part_.body = std::max(part_.begin, end);
        if (in_ != In::between)
            add({part_.begin, part_.body, std::max(part_.body, end)});
        in_ = In::between;
    }

    void add(const Leaf& leaf)
    {
        too_much_ = too_much_ || leaves.size() >= most_;
        if (!too_much_)
            leaves.push_back(leaf);
    }

    /// What is open from the n-th on ends here.
    void close(std::size_t n, std::size_t end)
    {
        for (std::size_t i = n; i < open_.size(); ++i)
            if (open_[i].mark.empty() && !too_much_)
                leaves[open_[i].leaf].end =
                    std::max(leaves[open_[i].leaf].body, end);
        open_.resize(std::min(n, open_.size()));
    }

    const std::string_view text_;
    const std::size_t most_;
    const bool into_messages_;
    std::vector<Open> open_{};
    Leaf part_{0, 0, 0};
    In in_ = In::header;
    bool too_much_ = false;
};

}  // namespace

std::string boundary_of(std::string_view header)
{
    const auto type = header_value(header, "content-type");
    if (!first_word(type).starts_with("multipart/"))
        return {};
    return parameter(without_comments(type), "boundary");
}

std::vector<Leaf> leaves_of(std::string_view message)
{
    Walk walk{message, max_leaves, false};
    if (!walk.run() || boundary_of(header_of(message)).empty())
        return {};
    return std::move(walk.leaves);
}

std::optional<std::vector<Leaf>> parts_of(std::string_view message,
                                          std::size_t most)
{
    Walk walk{message, most, true};
    if (!walk.run())
        return std::nullopt;
    return std::move(walk.leaves);
}

std::string_view header_of(std::string_view message)
{
    for (std::size_t at = 0; at < message.size();) {
        const Line line = line_at(message, at);
        at = line.next;
        if (line.text.empty())
            return message.substr(0, at);
    }
    return message;
}

std::string replace_leaves(std::string_view message,
                           const std::vector<Leaf>& leaves,
                           std::string_view part)
{
    std::string out;
    std::size_t at = 0;
    for (const Leaf& leaf : leaves) {
        out.append(message.substr(at, leaf.begin - at)).append(part);
        at = leaf.end;
    }
    return out.append(message.substr(at));
}

}  // namespace policy::scan
