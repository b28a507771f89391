#include "policy/recipe/message.h"

#include <strings.h>
#include <algorithm>
#include <array>
#include <ctime>

namespace policy::recipe {
namespace {

constexpr std::string_view from_word = "From ";
constexpr std::string_view from_in_text = "\nFrom ";
constexpr std::string_view length_name = "Content-Length:";
/// Digits that procmail has room for in that field.
constexpr std::size_t most_digits = 26;

}  // namespace

std::string from_line(std::string_view sender, long long seconds)
{
    const std::time_t when = static_cast<std::time_t>(seconds);
    std::tm parts{};
    gmtime_r(&when, &parts);
    std::array<char, 64> date{};
    std::strftime(date.data(), date.size(), "%a %b %e %H:%M:%S %Y", &parts);
    std::string line{from_word};
    line += sender;
    line += "  ";
    line += date.data();
    line += '\n';
    return line;
}

std::string with_from_line(std::string_view text, std::string_view line)
{
    text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
    if (text.substr(0, from_word.size()) == from_word) {
        const std::size_t newline = text.find('\n');
        text.remove_prefix(newline == text.npos ? text.size() : newline + 1);
    }
    std::string whole{line};
    whole += text;
    return whole;
}

Message::Message(std::string text) : text_{std::move(text)}
{
    find_body();
    escape_at_ = body_at_ > 0 ? body_at_ - 1 : 0;
    set_content_length();
}

void Message::find_body()
{
    start_ = std::min(text_.find_first_not_of('\n'), text_.size());
    const std::size_t empty_line = text_.find("\n\n", start_);
    body_at_ = empty_line == text_.npos ? text_.size() : empty_line + 2;
}

void Message::set_content_length()
{
    std::size_t at = 0;
    for (;; ++at) {
        if (at + length_name.size() > body_at_)
            return;
        if (strncasecmp(text_.c_str() + at, length_name.data(),
                        length_name.size()) == 0)
            break;
        at = text_.find('\n', at);
        if (at == text_.npos)
            return;
    }
    at += length_name.size();
    std::size_t length = text_.size() - body_at_;
    if (text_.size() > 1 && text_[text_.size() - 2] == '\n' && length > 0)
        --length;
    const std::size_t line_end = std::min(text_.find('\n', at), text_.size());
    const std::size_t places = std::min(line_end - at, most_digits);
    std::string digits = std::to_string(length);
    const bool fits = digits.size() <= places;
    digits = fits ? std::string(places - digits.size(), ' ') + digits
                  : std::string(places, '9');
    digits.resize(line_end - at, ' ');
    text_.replace(at, digits.size(), digits);
    // Lines that the field counts are not escaped in a mailbox file; where it
    // is too short for the number, its nines count.
    if (!fits)
        length = std::stoul("0" + std::string(places, '9'));
    escape_at_ =
        length < text_.size() - body_at_ ? body_at_ + length : text_.size();
}

std::size_t Message::size(Part part) const
{
    switch (part) {
        case Part::head:
            return body_at_;
        case Part::body:
            return text_.size() - body_at_;
        case Part::both:
            break;
    }
    return text_.size();
}

std::string Message::unfolded() const
{
    std::string header{this->header()};
    for (std::size_t at = header.find('\n', start_); at != header.npos;
         at = header.find('\n', at + 1))
        if (at + 1 < header.size() &&
            (header[at + 1] == ' ' || header[at + 1] == '\t'))
            header[at] = ' ';
    return header;
}

const Area& Message::area(Part part) const
{
    std::optional<Area>& area = areas_[static_cast<std::size_t>(part)];
    if (area)
        return *area;
    switch (part) {
        case Part::head:
            area.emplace(unfolded());
            break;
        case Part::body:
            area.emplace(body());
            break;
        case Part::both:
            area.emplace(unfolded() + std::string{body()});
            break;
    }
    return *area;
}

const Decoded& Message::decoded() const
{
    if (!decoded_)
        decoded_ = std::make_shared<const Decoded>(
            decode(unfolded(), text_after_from()));
    return *decoded_;
}

const Area& Message::decoded_area(Part part) const
{
    std::optional<Area>& area = decoded_areas_[static_cast<std::size_t>(part)];
    if (area)
        return *area;
    std::string text;
    if (part != Part::body)
        text += decoded().header;
    if (part != Part::head)
        text += decoded().body;
    area.emplace(text);
    return *area;
}

std::string_view Message::text_after_from() const
{
    const std::string_view text = text_;
    if (text.substr(0, from_word.size()) != from_word)
        return text;
    const std::size_t newline = text.find('\n');
    return newline == text.npos ? std::string_view{} : text.substr(newline + 1);
}

std::size_t Message::from_lines(std::string_view part) const
{
    const std::size_t from =
        static_cast<std::size_t>(part.data() - text_.data());
    // procmail looks no further than a NUL.
    const std::size_t to = std::min(
        from + part.size(), text_.find('\0', std::max(from, escape_at_)));
    std::size_t lines = 0;
    for (std::size_t at = text_.find(from_in_text, std::max(from, start_));
         at != text_.npos && at + 1 < to; at = text_.find(from_in_text, at + 1))
        if (at + from_in_text.size() <= body_at_ || at >= escape_at_)
            ++lines;
    return lines;
}

}  // namespace policy::recipe
