// Replies: from texts in rc files, and from exit codes.
#include <algorithm>
#include <array>

#include "policy/filter/smtp.h"

namespace policy::filter {
namespace {

bool digits(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return c >= '0' && c <= '9';
    });
}

std::string_view first_word(std::string_view text)
{
    return text.substr(0, std::min(text.find(' '), text.size()));
}

void drop_word(std::string_view& text)
{
    text.remove_prefix(first_word(text).size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
}

/// d.d or d.ddd.ddd with the class of the reply code (RFC 3463).
bool is_enhanced(std::string_view word, char wanted_class)
{
    const std::size_t one = word.find('.');
    if (one != 1 || word[0] != wanted_class)
        return false;
    const std::size_t two = word.find('.', one + 1);
    if (two == word.npos)
        return false;
    const std::string_view subject = word.substr(2, two - 2);
    const std::string_view detail = word.substr(two + 1);
    return digits(subject) && subject.size() <= 3 && digits(detail) &&
           detail.size() <= 3;
}

struct ExitReply {
    int exit;
    int code;
    const char* enhanced;
    const char* text;
};

// As sendmail answers for a delivery agent that exits so.
constexpr std::array exit_replies = {
    ExitReply{65, 554, "5.6.0", "Data format error"},
    ExitReply{67, 550, "5.1.1", "User unknown"},
    ExitReply{68, 550, "5.1.2", "Host unknown"},
    ExitReply{69, 554, "5.3.0", "Service unavailable"},
    ExitReply{70, 554, "5.3.0", "Internal error"},
    ExitReply{71, 451, "4.3.0", "Operating system error"},
    ExitReply{72, 554, "5.3.0", "Critical OS file missing"},
    ExitReply{73, 550, "5.0.0", "Can't create output"},
    ExitReply{74, 451, "4.3.0", "I/O error"},
    ExitReply{75, 451, "4.3.0", "Deferred"},
    ExitReply{76, 554, "5.3.0", "Remote protocol error"},
    ExitReply{77, 550, "5.7.1", "Insufficient permission"},
    ExitReply{78, 554, "5.3.5", "Local configuration error"},
};

}  // namespace

Reply usual_refusal(bool temporary)
{
    if (temporary)
        return {451, "4.7.1", "Please try again later"};
    return {550, "5.7.1", "Refused by a mail filter"};
}

Reply read_reply(const std::string& text, const Reply& otherwise)
{
    Reply reply = otherwise;
    std::string_view rest = text;
    const char wanted = otherwise.code >= 500 ? '5' : '4';
    const std::string_view code = first_word(rest);
    if (code.size() == 3 && digits(code)) {
        if (code[0] == wanted) {
            reply.code = std::stoi(std::string{code});
            reply.enhanced = std::string{wanted} + ".0.0";
        }
        drop_word(rest);
    }
    if (is_enhanced(first_word(rest), wanted)) {
        reply.enhanced = first_word(rest);
        drop_word(rest);
    }
    if (!rest.empty())
        reply.text = rest;
    return reply;
}

Reply reply_for_exit(int code)
{
    for (const ExitReply& known : exit_replies)
        if (known.exit == code)
            return {known.code, known.enhanced, known.text};
    return {554, "5.3.0", "Refused by a mail filter"};
}

}  // namespace policy::filter
