#include "policy/map/class_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace policy::map {
namespace {

constexpr std::size_t max_file = std::size_t{16} << 20;

struct FileClose {
    void operator()(std::FILE* f) const noexcept { std::fclose(f); }
};
using File = std::unique_ptr<std::FILE, FileClose>;

constexpr std::string_view blanks = " \t\n\v\f\r";

std::string_view next_line(std::string_view& rest)
{
    const auto newline = rest.find('\n');
    const auto length = std::min({newline, rest.size(), class_line_max + 1});
    auto line = rest.substr(0, length);
    rest.remove_prefix(length == newline ? length + 1 : length);
    return line.substr(0, line.find('\0'));
}

void add_words(std::string_view line, ClassFormat format,
               std::vector<std::string>& words)
{
    if (format == ClassFormat::all_words)
        line = line.substr(0, line.find_first_of("\\#"));
    while (true) {
        const auto first = line.find_first_not_of(blanks);
        if (first == line.npos)
            return;
        line.remove_prefix(first);
        const auto end = std::min(line.find_first_of(blanks), line.size());
        words.emplace_back(line.substr(0, end));
        if (format == ClassFormat::first_word)
            return;
        line.remove_prefix(end);
    }
}

Error cannot_read(const std::string& path, int error)
{
    return {error == ENOENT ? Errc::gone : Errc::io,
            path + ": " + std::strerror(error)};
}

}  // namespace

std::vector<std::string> parse_class(std::string_view text, ClassFormat format)
{
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto line = next_line(text);
        if (line.substr(0, 1) != "#")
            add_words(line, format, words);
    }
    return words;
}

Result<std::vector<std::string>> read_class_file(const std::string& path,
                                                 ClassFormat format,
                                                 bool optional)
{
    const File file{std::fopen(path.c_str(), "re")};
    if (!file) {
        const int error = errno;
        if (error == ENOENT && optional)
            return std::vector<std::string>{};
        return fail(cannot_read(path, error));
    }
    std::string text(max_file + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get()))
        return fail(cannot_read(path, errno));
    if (text.size() > max_file)
        return fail(Errc::format, path + ": larger than 16 MiB");
    return parse_class(text, format);
}

}  // namespace policy::map
