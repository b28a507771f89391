#include "policy/recipe/decode.h"

#include <gmime/gmime.h>

#include <algorithm>
#include <memory>
#include <mutex>

namespace policy::recipe {
namespace {

struct Unref {
    template <class T>
    void operator()(T* object) const
    {
        g_object_unref(object);
    }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;

struct Free {
    void operator()(char* text) const { g_free(text); }
};
using Text = std::unique_ptr<char, Free>;

std::string decoded_header(std::string_view header)
{
    std::string out;
    while (!header.empty()) {
        const std::size_t end = std::min(header.find('\n'), header.size());
        const std::string line{header.substr(0, end)};
        header.remove_prefix(std::min(end + 1, header.size()));
        const std::size_t colon = line.find(':');
        if (colon == line.npos || line.find("=?", colon) == line.npos) {
            out += line + '\n';
            continue;
        }
        const Text value{
            g_mime_utils_header_decode_text(nullptr, line.c_str() + colon + 1)};
        // The decoder drops the blank behind the colon.
        const bool blank = colon + 1 < line.size() && line[colon + 1] == ' ';
        std::string text = value ? value.get() : line.substr(colon + 1);
        std::replace(text.begin(), text.end(), '\n', ' ');
        out += line.substr(0, colon + 1);
        out += (blank && !text.starts_with(" ") ? " " : "") + text + '\n';
    }
    return out;
}

bool names_message(std::string_view line)
{
    constexpr std::string_view word = "message/";
    return std::search(line.begin(), line.end(), word.begin(), word.end(),
                       [](char a, char b) {
                           return (a | 0x20) == (b | 0x20);
                       }) != line.end();
}

/// The beginning of a mail that has no more than decoded_header_lines, taking
/// every line that begins with -- for a boundary.
std::string_view within_limits(std::string_view mail)
{
    std::size_t lines = 0;
    bool in_header = true, of_message = false;
    for (std::size_t at = 0; at < mail.size();) {
        const std::size_t end = std::min(mail.find('\n', at), mail.size());
        const auto line = mail.substr(at, end - at);
        if (line.starts_with("--")) {
            in_header = true;
            of_message = false;
        } else if (in_header && (line.empty() || line == "\r")) {
            in_header = of_message;
            of_message = false;
        }
        of_message = of_message || (in_header && names_message(line));
        if (in_header && ++lines > decoded_header_lines)
            return mail.substr(0, at);
        at = end + 1;
    }
    return mail;
}

class Reader {
public:
    explicit Reader(Decoded& out) : out_{out} {}

    void message(GMimeMessage* mail, int depth)
    {
        if (GMimeObject* const top = g_mime_message_get_mime_part(mail))
            object(top, depth);
    }

private:
    bool full() const
    {
        return parts_ >= decoded_parts || out_.body.size() >= decoded_bytes;
    }

    void object(GMimeObject* part, int depth)
    {
        if (full() || depth > decoded_depth)
            return;
        if (GMIME_IS_MULTIPART(part)) {
            auto* const parts = GMIME_MULTIPART(part);
            const int count = g_mime_multipart_get_count(parts);
            for (int i = 0; i < count && !full(); ++i)
                object(g_mime_multipart_get_part(parts, i), depth + 1);
            return;
        }
        ++parts_;
        type(part);
        if (GMIME_IS_MESSAGE_PART(part)) {
            if (auto* const inner =
                    g_mime_message_part_get_message(GMIME_MESSAGE_PART(part)))
                message(inner, depth + 1);
        } else if (GMIME_IS_PART(part)) {
            leaf(GMIME_PART(part));
        }
    }

    void type(GMimeObject* part)
    {
        GMimeContentType* const type = g_mime_object_get_content_type(part);
        if (!type)
            return;
        const Text text{g_mime_content_type_get_mime_type(type)};
        std::string line{text.get()};
        std::transform(line.begin(), line.end(), line.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A'))
                                        : c;
        });
        out_.types += line + '\n';
    }

    void leaf(GMimePart* part)
    {
        if (const char* const name = g_mime_part_get_filename(part)) {
            std::string line{name};
            std::replace(line.begin(), line.end(), '\n', ' ');
            out_.names += line + '\n';
        }
        if (!GMIME_IS_TEXT_PART(part))
            return;
        const Text text{g_mime_text_part_get_text(GMIME_TEXT_PART(part))};
        if (!text)
            return;
        const std::string_view all{text.get()};
        for (std::size_t at = 0; at < all.size(); ++at)
            if (all[at] != '\r' || at + 1 == all.size() || all[at + 1] != '\n')
                out_.body += all[at];
        if (!out_.body.ends_with("\n"))
            out_.body += '\n';
    }

    Decoded& out_;
    std::size_t parts_ = 0;
};

}  // namespace

Decoded decode(std::string_view header, std::string_view mail)
{
    static std::once_flag started;
    std::call_once(started, [] { g_mime_init(); });
    Decoded out;
    out.header = decoded_header(header);
    mail = within_limits(mail);
    const Owned<GMimeStream> stream{
        g_mime_stream_mem_new_with_buffer(mail.data(), mail.size())};
    const Owned<GMimeParser> parser{
        g_mime_parser_new_with_stream(stream.get())};
    const Owned<GMimeMessage> parsed{
        g_mime_parser_construct_message(parser.get(), nullptr)};
    if (parsed)
        Reader{out}.message(parsed.get(), 0);
    return out;
}

}  // namespace policy::recipe
