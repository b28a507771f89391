#include "policy/sendmail/flow.h"
#include "policy/sendmail/words.h"

namespace policy::sendmail {
namespace {

/// Tells which commas divide.
class Divider {
public:
    /// Whether `c` ends an address.
    bool ends_at(char c)
    {
        if (escaped_) {
            escaped_ = false;
        } else if (c == '\\') {
            escaped_ = true;
        } else if (c == '"' && remarks_ == 0) {
            quoted_ = !quoted_;
        } else if (!quoted_) {
            count(c);
            return c == ',' && remarks_ == 0 && brackets_ == 0;
        }
        return false;
    }

private:
    void count(char c)
    {
        if (c == '(')
            ++remarks_;
        else if (c == ')' && remarks_ > 0)
            --remarks_;
        else if (c == '<' && remarks_ == 0)
            ++brackets_;
        else if (c == '>' && remarks_ == 0 && brackets_ > 0)
            --brackets_;
    }

    bool escaped_ = false;
    bool quoted_ = false;
    int remarks_ = 0;
    int brackets_ = 0;
};

}  // namespace

std::vector<std::string> address_list(std::string_view text)
{
    std::vector<std::string> all;
    std::string one;
    Divider divider;
    const auto end = [&] {
        if (const auto word = trimmed(one); !word.empty())
            all.emplace_back(word);
        one.clear();
    };
    for (const char c : text)
        if (divider.ends_at(c))
            end();
        else
            one += c;
    end();
    return all;
}

}  // namespace policy::sendmail
