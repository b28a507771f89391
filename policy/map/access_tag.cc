#include "policy/map/access_tag.h"

#include <algorithm>
#include <array>

#include "policy/map/access_value.h"
#include "policy/readings.h"

namespace policy::map {
namespace {

using std::string_view;

constexpr std::array<string_view, 8> virus_actions{
    "accept",     "tag",     "rename",   "strip",
    "quarantine", "discard", "tempfail", "reject"};
constexpr std::array<string_view, 4> filter_actions{"quarantine", "discard",
                                                    "tempfail", "reject"};

bool has_reply_code(Token token)
{
    return token.size() == 3 && (token[0] == '4' || token[0] == '5') &&
           std::all_of(token.begin(), token.end(),
                       [](char c) { return c >= '0' && c <= '9'; });
}

/// A word that stands alone.
TagRuling word_ruling(Token token, const OwnTag& tag)
{
    TagRuling out;
    out.action = token;
    std::transform(token.begin(), token.end(), out.action.begin(), fold);
    out.understood = out.ok() || out.action == "skip" ||
                     std::find(tag.actions.begin(), tag.actions.end(),
                               out.action) != tag.actions.end();
    return out;
}

/// More than a word, as sendmail understands it.
TagRuling text_ruling(TokenSpan value, Memory* memory)
{
    const Ruling ruling = ruling_of(value, {}, false, memory);
    TagRuling out;
    if (ruling.kind == Ruling::Kind::quarantine) {
        out.action = "quarantine";
        out.reason = ruling.reply.text;
        return out;
    }
    const int code_class = ruling.reply.code / 100;
    out.understood = (same(value[0], "ERROR") || has_reply_code(value[0])) &&
                     (code_class == 4 || code_class == 5);
    out.action = code_class == 4 ? "tempfail" : "reject";
    out.reply = ruling.reply;
    return out;
}

/// Lookups in one reading of the map.
class Asking {
public:
    Asking(const Snapshot& snapshot, const OwnTag& tag,
           const std::string& source)
        : access_{&snapshot, {.skip = true}, &memory_},
          tag_{tag},
          source_{source}
    {
    }

    std::optional<TagRuling> of_client(const TagMap::Client& client)
    {
        Found found;
        if (!client.name.empty() && client.name[0] != '[' &&
            client.name != "unknown")
            found = find(Lookup::domain, client.name);
        if (found.state == Found::State::nothing && client.addr.is_ip())
            found = find(Lookup::address, client.addr.sendmail_text());
        return read(found);
    }

    std::optional<TagRuling> of_rcpt(string_view rcpt)
    {
        using Said = std::optional<TagRuling>;
        return said_of(
            rcpt, [this](string_view reading) { return of_reading(reading); },
            [](const Said& said) { return said && said->ok(); });
    }

private:
    std::optional<TagRuling> of_reading(string_view rcpt)
    {
        const auto at = rcpt.rfind('@');
        const auto local = std::string{rcpt.substr(0, at)} + '@';
        if (at == rcpt.npos || at + 1 == rcpt.size())
            return rcpt.empty() ? std::nullopt
                                : read(find(Lookup::user, local));
        const auto full = tokenise(rcpt, &memory_);
        const auto user = tokenise(local, &memory_);
        const auto host = tokenise(rcpt.substr(at + 1), &memory_);
        return read(access_.search({{Lookup::full, full},
                                    {Lookup::user, user},
                                    {Lookup::domain, host}},
                                   tag_.name, Mark::tagged_only));
    }

    Found find(Lookup lookup, string_view key)
    {
        return access_.find(lookup, tokenise(key, &memory_), tag_.name,
                            Mark::tagged_only);
    }

    std::optional<TagRuling> read(const Found& found)
    {
        if (found.state == Found::State::nothing || found.is("SKIP"))
            return std::nullopt;
        TagRuling out;
        out.understood = false;
        if (found.state == Found::State::value && !found.value.empty())
            out = read_tag_value(found.value, tag_, &memory_);
        else
            out.action = "tempfail";
        out.key = found.full_key();
        out.source = source_;
        return out;
    }

    std::pmr::monotonic_buffer_resource memory_;
    Access access_;
    const OwnTag& tag_;
    const std::string& source_;
};

}  // namespace

const OwnTag virus_tag{"Virus", virus_actions};
const OwnTag filter_tag{"Filter", filter_actions};

TagRuling read_tag_value(TokenSpan value, const OwnTag& tag, Memory* memory)
{
    TagRuling out = value.size() == 1 ? word_ruling(value[0], tag)
                                      : text_ruling(value, memory);
    if (!out.understood) {
        out.action = "tempfail";
        out.reply.reset();
    }
    return out;
}

bool alike(const std::optional<TagRuling>& a, const std::optional<TagRuling>& b)
{
    if (!a || !b)
        return !a && !b;
    return a->action == b->action && a->reason == b->reason &&
           a->reply == b->reply;
}

Result<std::shared_ptr<const Snapshot>> TagMap::current() const
{
    if (!map_)
        return nullptr;
    auto snapshot = map_->current();
    if (!snapshot && snapshot.error().code == Errc::gone && !required_)
        return nullptr;
    return snapshot;
}

Status TagMap::check() const
{
    const auto snapshot = current();
    if (!snapshot)
        return fail(snapshot.error());
    return {};
}

Result<TagMap::Rulings> TagMap::ask(const Client& client,
                                    std::span<const std::string> rcpts) const
{
    const auto snapshot = current();
    if (!snapshot)
        return fail(snapshot.error());
    Rulings out(rcpts.size());
    if (!*snapshot)
        return out;
    Asking asking{**snapshot, *tag_, map_->name()};
    const auto of_client = asking.of_client(client);
    for (std::size_t i = 0; i < rcpts.size(); ++i) {
        out[i] = asking.of_rcpt(rcpts[i]);
        if (!out[i])
            out[i] = of_client;
    }
    return out;
}

}  // namespace policy::map
