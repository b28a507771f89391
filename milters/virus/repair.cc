#include "milters/virus/repair.h"

#include "milters/virus/header.h"
#include "policy/scan/attachment.h"
#include "policy/scan/field.h"

namespace milters::virus {
namespace {

using policy::scan::Action;

constexpr const char* plain = "text/plain; charset=us-ascii";

/// One message under repair.
class Repair {
public:
    Repair(const Runtime& runtime, milter::Context& mta,
           const Transaction& mail, const std::string& status)
        : runtime_{runtime},
          mta_{mta},
          mail_{mail},
          scanning_{runtime, mta, mail},
          notice_{notice(runtime.virus().strip_text, status)}
    {
    }

    bool run()
    {
        if (mail_.message.oversize() || mail_.message.has_bare_ends())
            return replace_all();
        const auto bytes = mail_.message.bytes();
        if (!bytes)
            return false;
        const auto leaves = policy::scan::leaves_of(*bytes);
        const bool too_many = leaves.empty() && is_multipart(*bytes);
        if (leaves.empty())
            return !too_many && is_mild(scanning_.plan_for(*bytes).action)
                       ? rename_whole(*bytes)
                       : replace_all();
        const auto rest = mended(*bytes, leaves);
        if (!rest || !is_mild(scanning_.plan_for(*rest).action))
            return replace_all();
        return mta_.replace_body(
            std::string_view{*rest}.substr(rest->find("\r\n\r\n") + 4));
    }

private:
    static bool is_multipart(std::string_view text)
    {
        return policy::scan::media_type(policy::scan::header_of(text))
            .starts_with("multipart/");
    }

    /// Renamed parts may still match the rule that renames.
    static bool is_mild(Action action) { return action < Action::strip; }

    std::string mended_leaf(std::string_view header, std::string_view body)
    {
        const std::string alone =
            std::string{top_line}.append(header).append(body);
        const Action action = scanning_.plan_for(alone).action;
        if (action == Action::rename)
            return policy::scan::with_renamed_files(
                       header, runtime_.virus().rename_suffix)
                .append(body);
        if (is_mild(action))
            return alone.substr(top_line.size());
        return std::string{"Content-Type: "} + plain + "\r\n\r\n" + notice_;
    }

    /// nullopt if no part needs it, or if there is no time to scan what is
    /// left.
    std::optional<std::string> mended(
        std::string_view text, const std::vector<policy::scan::Leaf>& leaves)
    {
        std::string out;
        std::size_t at = 0;
        for (const auto& leaf : leaves) {
            if (std::chrono::steady_clock::now() >= mail_.until)
                return std::nullopt;
            out.append(text.substr(at, leaf.begin - at));
            out += mended_leaf(text.substr(leaf.begin, leaf.body - leaf.begin),
                               text.substr(leaf.body, leaf.end - leaf.body));
            at = leaf.end;
        }
        out.append(text.substr(at));
        if (out == text)
            return std::nullopt;
        return out;
    }

    bool set_header(const std::string& name, const std::string& value)
    {
        bool done = true;
        for (unsigned i = mail_.message.count(name); i > 1; --i)
            done &= mta_.change_header(name, static_cast<int>(i), nullptr);
        return done &
               (mail_.message.count(name) ? mta_.change_header(name, 1, &value)
                                          : mta_.add_header(name, value));
    }

    /// The file name of a message that is one part.
    bool rename_whole(std::string_view text)
    {
        const auto header = text.substr(0, text.find("\r\n\r\n") + 4);
        const auto renamed = policy::scan::with_renamed_files(
            header, runtime_.virus().rename_suffix);
        bool done = true;
        for (const char* name : {"Content-Disposition", "Content-Type"}) {
            const auto value = policy::scan::header_value(renamed, lower(name));
            done &=
                set_header(name, value.substr(value.find_first_not_of(' ')));
        }
        return done;
    }

    /// What is left is a plain message whatever the header of the old one
    /// said.
    bool replace_all()
    {
        bool done = true;
        for (const auto& [name, count] : mail_.message.headers())
            if (name.starts_with("content-") && name != "content-type")
                for (unsigned i = count; i > 0; --i)
                    done &=
                        mta_.change_header(name, static_cast<int>(i), nullptr);
        return done & set_header("Content-Type", plain) &&
               mta_.replace_body(notice_);
    }

    const Runtime& runtime_;
    milter::Context& mta_;
    const Transaction& mail_;
    Scanning scanning_;
    std::string notice_;
};

}  // namespace

bool repair(const Runtime& runtime, milter::Context& mta,
            const Transaction& mail, const std::string& status)
{
    return Repair{runtime, mta, mail, status}.run();
}

}  // namespace milters::virus
