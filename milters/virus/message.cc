#include "milters/virus/message.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace milters::virus {
namespace {

constexpr std::size_t buffer_size = 64 * 1024;

/// Headers that decide how the body is read (RFC 2045).
bool tells_how_to_read(const std::string& lower_name)
{
    return lower_name.starts_with("content-") || lower_name == "mime-version";
}

/// Whether a value has line ends that some reader takes for the end of the
/// header, so that what follows would be a header of its own: anything but LF
/// or CRLF before a blank.
bool hides_a_line(std::string_view value)
{
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\r' && value.substr(i + 1, 1) != "\n")
            return true;
        if (value[i] == '\n' && value.substr(i + 1, 1) != " " &&
            value.substr(i + 1, 1) != "\t")
            return true;
    }
    return false;
}

/// libmilter hands folded values over with LF alone.
std::string with_crlf(std::string_view value)
{
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\n' && (i == 0 || value[i - 1] != '\r'))
            out += '\r';
        out += value[i];
    }
    return out;
}

}  // namespace

const std::string_view top_line =
    "Return-Path: <>\r\n"
    "Received: by virus-milter; Thu, 1 Jan 1970 00:00:00 +0000\r\n";

std::string lower(std::string_view name)
{
    std::string out{name};
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

Message::Message(HashOf hash_of, std::uint64_t max_bytes)
    : hash_of_{hash_of}, max_bytes_{max_bytes}
{
    auto file = scanner::MemFile::create();
    if (file)
        file_ = std::move(*file);
    else
        failure_ = file.error().text;
    buffer_.reserve(buffer_size);
    buffer_ = top_line;
}

/// Small pieces are gathered: a system call for each header would cost more
/// than the copy.
void Message::keep(std::string_view bytes)
{
    size_ += bytes.size();
    if (oversize() || !file_)
        return;
    if (buffer_.size() + bytes.size() <= buffer_size) {
        buffer_ += bytes;
        return;
    }
    for (const std::string_view piece : {std::string_view{buffer_}, bytes})
        if (auto s = file_->append(piece); !s && failure_.empty())
            failure_ = s.error().text;
    buffer_.clear();
}

void Message::hash(std::string_view bytes, bool how_to_read)
{
    if (hash_of_ == HashOf::full || how_to_read)
        sha_.update(bytes);
}

void Message::header(std::string_view name, std::string_view value)
{
    const std::string key = lower(name);
    ++counts_[key];
    if (key == "subject" && !subject_)
        subject_ = value;
    std::string line;
    line.append(name).append(": ").append(with_crlf(value)).append("\r\n");
    keep(line);
    headers_sha_.update(line);
    const bool odd = hides_a_line(value) || hides_a_line(name);
    bare_ends_ = bare_ends_ || odd;
    hash(line, odd || tells_how_to_read(key));
}

void Message::end_of_headers()
{
    keep("\r\n");
    hash("\r\n", true);
}

void Message::watch_ends(std::string_view chunk)
{
    for (const char c : chunk) {
        bare_ends_ = bare_ends_ || (c == '\n') != (last_ == '\r');
        last_ = c;
        if (bare_ends_)
            return;
    }
}

void Message::body(std::string_view chunk)
{
    keep(chunk);
    if (oversize())
        return;
    hash(chunk, true);
    watch_ends(chunk);
}

policy::Status Message::finish()
{
    if (file_ && !oversize())
        if (auto s = file_->append(buffer_); !s && failure_.empty())
            failure_ = s.error().text;
    buffer_.clear();
    if (file_)
        if (auto s = file_->seal(); !s && failure_.empty())
            failure_ = s.error().text;
    digest_ = sha_.finish();
    headers_sha_.update(
        {reinterpret_cast<const char*>(digest_.data()), digest_.size()});
    full_digest_ = headers_sha_.finish();
    if (!failure_.empty())
        return policy::fail(policy::Errc::io, failure_);
    return {};
}

unsigned Message::count(const std::string& name) const
{
    const auto found = counts_.find(lower(name));
    return found == counts_.end() ? 0 : found->second;
}

policy::Result<std::string> Message::bytes() const
{
    std::string out(file_->size(), '\0');
    std::size_t got = 0;
    while (got < out.size()) {
        const ssize_t n = ::pread(file_->fd(), out.data() + got,
                                  out.size() - got, static_cast<off_t>(got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return policy::fail(policy::Errc::io, std::strerror(errno));
        got += static_cast<std::size_t>(n);
    }
    return out;
}

policy::Result<scanner::MemFile> Message::with_normal_ends() const
{
    const auto raw = bytes();
    if (!raw)
        return policy::fail(raw.error());
    std::string out;
    out.reserve(raw->size() + raw->size() / 8);
    for (std::size_t i = 0; i < raw->size(); ++i) {
        const char c = (*raw)[i];
        if (c != '\r' && c != '\n') {
            out += c;
            continue;
        }
        out += "\r\n";
        if (c == '\r' && i + 1 < raw->size() && (*raw)[i + 1] == '\n')
            ++i;
    }
    auto file = scanner::MemFile::create();
    if (!file)
        return file;
    if (auto s = file->append(out); !s)
        return policy::fail(s.error());
    if (auto s = file->seal(); !s)
        return policy::fail(s.error());
    return file;
}

}  // namespace milters::virus
