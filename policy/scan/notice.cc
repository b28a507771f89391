#include "policy/scan/notice.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace policy::scan {
namespace {

constexpr std::size_t max_text = 8 * 1024;
constexpr unsigned max_depth = 8;

constexpr std::array<std::pair<const char*, const char*>, 5> built_in = {{
    {"admin",
     "Subject: %STATUS% mail: %SIGNATURE%\n\n"
     "What was found:  %INFO%\nWhat was done:   %ACTION%%REASON_TEXT%\n"
     "From:            <%SENDER%>\n"
     "<FOR RECIPIENT != \"\">To:              <%RECIPIENT%>\n</FOR>"
     "Subject:         %SUBJECT%\nClient:          %CLIENT%\n"
     "Queue id:        %QUEUE_ID%\nKept as:         %KEPT%\n"
     "Host:            %HOST%\n"},
    {"sender",
     "Subject: Your message was not delivered as it was sent\n\n"
     "A message that you sent was found to be %STATUS%:\n\n    %INFO%\n\n"
     "What was done: %ACTION%%REASON_TEXT%\nSubject: %SUBJECT%\n"
     "<FOR RECIPIENT != \"\">To: <%RECIPIENT%>\n</FOR>"},
    {"recipient",
     "Subject: A message to you was found to be %STATUS%\n\n"
     "A message to you was found to be %STATUS%:\n\n    %INFO%\n\n"
     "What was done: %ACTION%%REASON_TEXT%\n"
     "It claims to be from <%SENDER%>, which may be wrong.\n"
     "Subject: %SUBJECT%\nKept as: %KEPT%\n"},
    {"fault",
     "Subject: virus scanner on %HOST%: fault\n\n%INFO%\n\n"
     "Mail that cannot be scanned is refused for now and comes again.\n"},
    {"update", "Subject: virus scanner on %HOST%: signatures\n\n%INFO%\n"},
}};

std::string in_one_line(std::string text)
{
    std::replace_if(
        text.begin(), text.end(),
        [](char c) {
            const auto u = static_cast<unsigned char>(c);
            return u < ' ' || u == 0x7f;
        },
        ' ');
    return text;
}

/// Reads a template from left to right.
class Filler {
public:
    Filler(std::string_view text, Macros& macros, unsigned depth)
        : text_{text}, macros_{macros}, depth_{depth}
    {
    }

    std::string run()
    {
        bool line_begins = depth_ == 0;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (line_begins && c == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
                continue;
            }
            line_begins = c == '\n';
            if (c == '\\' && at_ + 1 < text_.size()) {
                out_ += text_[at_ + 1];
                at_ += 2;
            } else if (!(c == '%' && name()) && !(c == '<' && element())) {
                out_ += c;
                ++at_;
            }
        }
        return std::move(out_);
    }

private:
    std::string value(const std::string& name) const
    {
        const auto found = macros_.find(name);
        std::string out;
        if (found != macros_.end())
            for (const auto& one : found->second)
                out += (out.empty() ? "" : ", ") + one;
        return in_one_line(out);
    }

    /// `%NAME%`; false if it is a mere per cent sign.
    bool name()
    {
        const auto end = text_.find('%', at_ + 1);
        if (end == std::string_view::npos)
            return false;
        const std::string word{text_.substr(at_ + 1, end - at_ - 1)};
        if (word.empty() ||
            word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") !=
                std::string::npos)
            return false;
        out_ += word == "CRLF" ? "\n" : word == "TAB" ? "\t" : value(word);
        at_ = end + 1;
        return true;
    }

    bool element()
    {
        const auto end = text_.find('>', at_);
        if (end == std::string_view::npos)
            return false;
        const auto tag = text_.substr(at_ + 1, end - at_ - 1);
        if (tag.starts_with("DEF "))
            return define(tag.substr(4), end + 1);
        if (tag.starts_with("FOR "))
            return repeat(tag.substr(4), end + 1);
        return false;
    }

    /// `NAME <sign> "text"` -> its three parts; false if it is not so.
    static bool split(std::string_view tag, std::string_view sign,
                      std::string& name, std::string& text)
    {
        const auto place = tag.find(sign);
        const auto open = tag.find('"', place == tag.npos ? 0 : place);
        const auto close = tag.rfind('"');
        if (place == tag.npos || open == tag.npos || close <= open)
            return false;
        name = tag.substr(0, place);
        name.erase(std::remove(name.begin(), name.end(), ' '), name.end());
        text = tag.substr(open + 1, close - open - 1);
        return !name.empty();
    }

    bool define(std::string_view tag, std::size_t next)
    {
        std::string key;
        std::string text;
        if (!split(tag, "=", key, text))
            return false;
        macros_[key] = {text};
        at_ = next;
        return true;
    }

    bool repeat(std::string_view tag, std::size_t next)
    {
        std::string key;
        std::string mask;
        const bool equal = split(tag, "==", key, mask);
        if (!equal && !split(tag, "!=", key, mask))
            return false;
        const auto end = closing(next);
        if (end == std::string_view::npos || depth_ >= max_depth)
            return false;
        const auto inner = text_.substr(next, end - next);
        const auto values = macros_[key];
        for (const auto& one : values) {
            if (glob_match(mask, one) != equal)
                continue;
            macros_[key] = {one};
            out_ += Filler{inner, macros_, depth_ + 1}.run();
        }
        macros_[key] = values;
        at_ = end + 6;
        return true;
    }

    /// Where the `</FOR>` of a FOR stands whose text begins at `at`.
    std::size_t closing(std::size_t at) const
    {
        for (unsigned open = 1; at < text_.size(); ++at) {
            if (text_.substr(at, 5) == "<FOR ")
                ++open;
            else if (text_.substr(at, 6) == "</FOR>" && --open == 0)
                return at;
        }
        return std::string_view::npos;
    }

    std::string_view text_;
    Macros& macros_;
    unsigned depth_;
    std::size_t at_ = 0;
    std::string out_;
};

bool wanted(const std::vector<std::string>& words, const Outcome& outcome)
{
    const std::string word =
        outcome.rule == "attachments" ? "filtered" : name_of(outcome.status);
    return std::any_of(words.begin(), words.end(), [&](const std::string& one) {
        return one == word ||
               (one == "all" && outcome.status != ScanStatus::clean);
    });
}

bool may_use_address(const NotifySettings& settings, const MailFrom& from)
{
    return goes_out(from) ||
           std::any_of(settings.networks.begin(), settings.networks.end(),
                       [&](const Network& network) {
                           return network.contains(from.client);
                       });
}

}  // namespace

std::string fill(std::string_view text, Macros macros)
{
    return Filler{text, macros, 0}.run();
}

Result<NoticeTexts> NoticeTexts::load(const std::string& folder)
{
    NoticeTexts out;
    std::error_code error;
    if (!folder.empty() && !std::filesystem::is_directory(folder, error))
        return fail(Errc::io, folder + ": not a folder");
    for (const auto& [name, text] : built_in) {
        out.texts_[name] = text;
        if (folder.empty())
            continue;
        const std::string path = folder + "/" + name;
        std::ifstream in{path, std::ios::binary};
        if (!in && errno == ENOENT)
            continue;
        std::ostringstream all;
        in.peek();  // nothing can be put out of an empty one
        if (!in || (!in.eof() && !(all << in.rdbuf())))
            return fail(Errc::io, path + ": cannot be read");
        if (all.str().size() > max_text)
            return fail(Errc::parse, path + ": larger than 8 KiB");
        out.texts_[name] = all.str();
    }
    return out;
}

Told who_is_told(const NotifySettings& settings, const Incident& incident)
{
    Told told;
    const auto& from = incident.from;
    told.admins = wanted(settings.admin, incident.outcome);
    told.sender = !from.sender.empty() && may_use_address(settings, from) &&
                  wanted(settings.sender, incident.outcome);
    if (!wanted(settings.recipients, incident.outcome) || from.sender.empty())
        return told;
    for (const auto& rcpt : incident.rcpts)
        if (any_match(settings.own, rcpt) ||
            (settings.own.empty() && !goes_out(from)))
            told.rcpts.push_back(rcpt);
    return told;
}

std::string notice_message(const std::string& from, const std::string& to,
                           const std::string& date, const std::string& filled)
{
    std::string_view body{filled};
    std::string subject = "virus scanner";
    if (body.starts_with("Subject:")) {
        const auto end = std::min(body.find('\n'), body.size());
        subject = in_one_line(std::string{body.substr(8, end - 8)});
        body.remove_prefix(std::min(end + 1, body.size()));
        if (body.starts_with("\n"))
            body.remove_prefix(1);
    }
    subject.erase(0, std::min(subject.find_first_not_of(' '), subject.size()));
    std::replace_if(
        subject.begin(), subject.end(),
        [](char c) { return static_cast<unsigned char>(c) > '~'; }, '?');
    const bool ascii = std::all_of(body.begin(), body.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x80;
    });
    std::string out = "From: " + in_one_line(from) +
                      "\nTo: " + in_one_line(to) + "\nSubject: " + subject +
                      "\nDate: " + date +
                      "\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
                      "Content-Type: text/plain; charset=";
    out +=
        ascii ? "us-ascii\n\n" : "utf-8\nContent-Transfer-Encoding: 8bit\n\n";
    for (const char c : body)
        if (c != '\r')
            out += c;
    return out;
}

}  // namespace policy::scan
