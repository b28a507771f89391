#include "policy/scan/mask.h"

#include <regex.h>

#include <algorithm>

namespace policy::scan {
namespace {

constexpr std::string_view regex_mark = "re:";

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text)
{
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() &&
                   (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

/// A compiled expression (regex(3)), which threads may share.
struct Mask::Regex {
    explicit Regex(const std::string& pattern)
        : error{::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_ICASE)}
    {
    }
    ~Regex()
    {
        if (error == 0)
            ::regfree(&compiled);
    }
    Regex(const Regex&) = delete;
    Regex& operator=(const Regex&) = delete;

    std::string problem() const
    {
        char text[128] = "";
        ::regerror(error, &compiled, text, sizeof text);
        return text;
    }

    regex_t compiled{};
    int error;
};

Mask::Mask(std::string text) : text_{std::move(text)}
{
    if (!text_.starts_with(regex_mark))
        return;
    auto regex = std::make_shared<Regex>(text_.substr(regex_mark.size()));
    if (regex->error != 0)
        problem_ = regex->problem();
    else
        regex_ = std::move(regex);
}

bool Mask::matches(std::string_view text) const
{
    if (!problem_.empty())
        return false;
    if (!regex_)
        return glob_match(text_, text);
    // The match that begins first is the longest (POSIX): if any is the whole
    // text, this one is.
    regmatch_t match{};
    return ::regexec(&regex_->compiled, std::string{text}.c_str(), 1, &match,
                     0) == 0 &&
           match.rm_so == 0 &&
           static_cast<std::size_t>(match.rm_eo) == text.size();
}

bool any_match(const Masks& masks, std::string_view text)
{
    return std::any_of(masks.begin(), masks.end(),
                       [&](const Mask& mask) { return mask.matches(text); });
}

}  // namespace policy::scan
