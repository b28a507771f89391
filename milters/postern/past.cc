#include "milters/postern/past.h"

#include <algorithm>
#include <istream>
#include <optional>

#include "milters/postern/latin1.h"

namespace milters::postern {
namespace {

using nlohmann::json;
using policy::Decision;
using policy::Stage;
using policy::Verdict;

/// A line of the log.
struct Entry {
    std::string id, queue_id, rcpt;
    Decision decision;
};

/// The enumerator that is written so; throws json::exception if none is.
template <class Enum>
Enum named(const json& word, Enum last)
{
    const auto text = word.get<std::string>();
    for (int i = 0; i <= static_cast<int>(last); ++i)
        if (text == policy::name_of(static_cast<Enum>(i)))
            return static_cast<Enum>(i);
    throw json::other_error::create(501, "unknown word " + text, &word);
}

policy::Why why_of(const json& object)
{
    return {bytes_at(object, "policy"), bytes_at(object, "rule"),
            bytes_at(object, "source"), bytes_at(object, "key"),
            bytes_at(object, "value")};
}

Entry entry_of(const json& line)
{
    Entry entry{bytes_at(line, "id"),
                bytes_at(line, "queue_id"),
                bytes_at(line, "rcpt"),
                {}};
    Decision& d = entry.decision;
    d.stage = named(line.at("stage"), Stage::eom);
    d.verdict = named(line.at("verdict"), Verdict::quarantine);
    d.reply = {line.at("code").get<int>(), bytes_at(line, "enhanced"),
               bytes_at(line, "text")};
    d.relay = line.value("relay", false);
    d.why = why_of(line.at("why"));
    for (const auto& why : line.at("trace"))
        d.trace.push_back(why_of(why));
    return entry;
}

std::optional<Entry> read_entry(const std::string& line)
{
    try {
        return entry_of(json::parse(line));
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

/// Takes the lines of one message as they come, with those of its connection
/// before it was known by this name.
class Message {
public:
    explicit Message(std::string_view id) : id_{id} {}

    void take(Entry entry)
    {
        if (entry.queue_id != id_ && entry.id != id_) {
            // of the same connection, perhaps
            if (entry.queue_id.empty() && entry.decision.stage < Stage::rcpt)
                before_.push_back(std::move(entry));
            return;
        }
        if (own_.empty())
            connection_ = entry.id;
        own_.push_back(std::move(entry));
    }

    std::vector<Answer> answers() const
    {
        std::vector<Answer> out;
        for (const auto& entry : own_)
            if (!entry.rcpt.empty())
                out.push_back({entry.rcpt, dialogue(&entry)});
        if (out.empty() && !own_.empty())
            out.push_back({"", dialogue(nullptr)});
        return out;
    }

private:
    /// Everything about the message but the other recipients.
    Dialogue dialogue(const Entry* rcpt) const
    {
        Dialogue out;
        for (const auto& entry : before_)
            if (!connection_.empty() && entry.id == connection_ &&
                entry.decision.stage == Stage::connect)
                out.stages.push_back(entry.decision);
        for (const auto& entry : own_)
            if (entry.rcpt.empty() || &entry == rcpt)
                out.stages.push_back(entry.decision);
        return out;
    }

    std::string id_, connection_;
    std::vector<Entry> own_, before_;
};

}  // namespace

std::vector<Answer> past_answers(std::istream& log, std::string_view id)
{
    Message message{id};
    for (std::string line; std::getline(log, line);)
        if (auto entry = read_entry(line))
            message.take(*std::move(entry));
    return message.answers();
}

}  // namespace milters::postern
