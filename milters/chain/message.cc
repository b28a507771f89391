#include "milters/chain/message.h"

#include <algorithm>

namespace milters::chain {
namespace {

/// Of sendmail, MILTER_CHUNK_SIZE.
constexpr std::size_t chunk_bytes = 65535;

std::span<const unsigned char> bytes_of(std::string_view text)
{
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

}  // namespace

std::string as_next_filter_sees(std::string_view body)
{
    // Into the file: CRLF becomes LF, once.
    std::string file;
    file.reserve(body.size());
    for (std::size_t i = 0; i < body.size(); ++i)
        if (body[i] != '\r' || i + 1 == body.size() || body[i + 1] != '\n')
            file += body[i];
    // Out of it: LF becomes CRLF, unless it is one already.
    std::string out;
    out.reserve(body.size());
    for (const char c : file) {
        if (c == '\n' && (out.empty() || out.back() != '\r'))
            out += '\r';
        out += c;
    }
    return out;
}

void Message::for_each_chunk(
    bool last, const std::function<void(std::span<const unsigned char>)>& show)
{
    if (!other_body) {
        for (std::string& chunk : body) {
            show(bytes_of(chunk));
            if (last)
                std::string{}.swap(chunk);
        }
        return;
    }
    const std::string text = as_next_filter_sees(*other_body);
    for (std::size_t at = 0; at < text.size(); at += chunk_bytes)
        show(bytes_of(std::string_view{text}.substr(at, chunk_bytes)));
}

std::optional<std::string_view> View::macro(const char* name)
{
    return mta_.macro(name);
}

bool View::quarantine(const std::string& reason)
{
    return mta_.quarantine(reason);
}

bool View::add_header(const std::string& name, const std::string& value)
{
    return message_.headers.add(mta_, name, value);
}

bool View::insert_header(int index, const std::string& name,
                         const std::string& value)
{
    return message_.headers.insert(mta_, index, name, value);
}

bool View::change_header(const std::string& name, int index,
                         const std::string* value)
{
    return message_.headers.change(mta_, name, index, value);
}

bool View::replace_body(std::string_view bytes)
{
    if (!has_replaced_ || !message_.other_body)
        message_.other_body.emplace();
    has_replaced_ = true;
    *message_.other_body += bytes;
    return true;
}

bool View::add_recipient(const std::string& rcpt)
{
    return mta_.add_recipient(rcpt);
}

bool View::delete_recipient(const std::string& rcpt)
{
    return mta_.delete_recipient(rcpt);
}

bool View::progress()
{
    return mta_.progress();
}

}  // namespace milters::chain
