#include "milters/postern/mail_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace milters::postern {
namespace {

namespace fs = std::filesystem;
using policy::Errc;
using policy::fail;

void add_folder(const fs::path& folder, std::vector<MailFile>& out)
{
    std::error_code error;
    const bool maildir = fs::is_directory(folder / "cur", error);
    for (const auto& entry : fs::recursive_directory_iterator(folder, error)) {
        if (!entry.is_regular_file(error))
            continue;
        const auto parent = entry.path().parent_path().filename();
        if (!maildir || parent == "cur" || parent == "new")
            out.push_back({entry.path().string(), entry.file_size(error)});
    }
}

std::string to_lf(const std::string& text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n')
            out += text[i];
    return out;
}

/// The address of a Return-Path field at the start of a header.
std::string return_path(const std::string& text)
{
    const std::string name = "Return-Path:";
    std::size_t at = text.starts_with(name) ? 0 : text.find("\n" + name);
    if (at == text.npos || at > text.find("\n\n"))
        return "";
    const std::size_t open = text.find('<', at);
    const std::size_t close = text.find_first_of(">\n", open);
    if (open == text.npos || close == text.npos || text[close] != '>')
        return "";
    return text.substr(open + 1, close - open - 1);
}

StoredMail one_mail(std::string where, const std::string& stored)
{
    StoredMail mail;
    mail.where = std::move(where);
    mail.text = stored;
    if (stored.starts_with("From ")) {
        const std::size_t blank = stored.find_first_of(" \n", 5);
        mail.sender = stored.substr(5, blank - 5);
        mail.text.erase(0, std::min(stored.find('\n'), stored.size() - 1) + 1);
    } else {
        mail.sender = return_path(stored);
    }
    return mail;
}

}  // namespace

policy::Result<std::vector<MailFile>> mail_files(
    const std::vector<std::string>& paths)
{
    std::vector<MailFile> out;
    for (const std::string& path : paths) {
        std::error_code error;
        if (fs::is_directory(path, error))
            add_folder(path, out);
        else if (fs::exists(path, error))
            out.push_back({path, fs::file_size(path, error)});
        else
            return fail(Errc::gone, path + ": is not there");
    }
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return out;
}

policy::Status read_mails(const MailFile& file,
                          const std::function<void(StoredMail)>& each)
{
    std::ifstream in{file.path, std::ios::binary};
    if (!in)
        return fail(Errc::io, file.path + ": cannot be read");
    const std::string text = to_lf({std::istreambuf_iterator<char>{in}, {}});
    if (!text.starts_with("From ")) {
        each(one_mail(file.path, text));
        return {};
    }
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t next = text.find("\n\nFrom ", at);
        const std::size_t end = next == text.npos ? text.size() : next + 1;
        each(one_mail(file.path + "#" + std::to_string(++number),
                      text.substr(at, end - at)));
        at = next == text.npos ? text.size() : next + 2;
    }
    return {};
}

}  // namespace milters::postern
