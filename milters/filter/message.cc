#include "milters/filter/message.h"

#include <algorithm>

namespace milters::filter {
namespace {

std::string lower(std::string_view text)
{
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return out;
}

}  // namespace

void Gathered::append(std::string& to, std::string_view bytes)
{
    size_ += bytes.size();
    if (oversize())
        return;
    // A CR counts only when it is known what follows it.
    if (carriage_ && !bytes.empty() && bytes[0] != '\n')
        to += '\r';
    carriage_ = false;
    while (!bytes.empty()) {
        const std::size_t cr = bytes.find('\r');
        to.append(bytes.substr(0, cr));
        if (cr == bytes.npos)
            return;
        bytes.remove_prefix(cr + 1);
        if (bytes.empty())
            carriage_ = true;
        else if (bytes[0] != '\n')
            to += '\r';
    }
}

void Gathered::header(std::string_view name, std::string_view value)
{
    ++counts_[lower(name)];
    std::string line;
    line.append(name).append(": ").append(value).append("\n");
    append(header_, line);
}

void Gathered::body(std::string_view chunk)
{
    append(body_, chunk);
}

int Gathered::count(const std::string& name) const
{
    const auto found = counts_.find(lower(name));
    return found == counts_.end() ? 0 : found->second;
}

std::shared_ptr<const policy::recipe::Message> Gathered::whole(
    const std::string& from_line) const
{
    std::string text;
    text.reserve(from_line.size() + header_.size() + body_.size() + 2);
    text.append(from_line).append(header_).append("\n").append(body_);
    if (carriage_)
        text += '\r';
    return std::make_shared<const policy::recipe::Message>(std::move(text));
}

std::string with_crlf(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + text.size() / 32);
    for (const char c : text) {
        if (c == '\n')
            out += '\r';
        out += c;
    }
    return out;
}

}  // namespace milters::filter
