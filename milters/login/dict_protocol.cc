#include "milters/login/dict_protocol.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "policy/address.h"

namespace milters::login {
namespace {

char unescaped(char c)
{
    switch (c) {
        case '0':
            return '\0';
        case '1':
            return '\001';
        case 't':
            return '\t';
        case 'r':
            return '\r';
        case 'n':
            return '\n';
        default:
            return c;
    }
}

std::vector<std::string> split(std::string_view text)
{
    std::vector<std::string> fields;
    while (true) {
        const auto tab = text.find('\t');
        fields.push_back(tab_unescape(text.substr(0, tab)));
        if (tab == text.npos)
            return fields;
        text.remove_prefix(tab + 1);
    }
}

DictAnswer nonsense(std::string why)
{
    return {{}, {}, std::move(why)};
}

DictAnswer failed(const std::string& id, const std::string& why)
{
    return {"F" + id + "\t" + why + "\n", {}, why};
}

/// Digits tell the unit: seconds have 10 until the year 2286.
std::optional<policy::Seconds> time_of(std::string_view text)
{
    constexpr std::size_t ms_digits = 12, us_digits = 15, ns_digits = 18;
    long long value = 0;
    const auto [end, ec] =
        std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value < 0)
        return std::nullopt;
    long long unit = 1;
    if (text.size() > ns_digits)
        unit = 1'000'000'000;
    else if (text.size() > us_digits)
        unit = 1'000'000;
    else if (text.size() > ms_digits)
        unit = 1'000;
    return policy::Seconds{std::chrono::seconds{value / unit}};
}

/// Cuts the first component off `path`.
std::string_view component(std::string_view& path)
{
    const auto slash = path.find('/');
    const auto first = path.substr(0, slash);
    path = slash == path.npos ? std::string_view{} : path.substr(slash + 1);
    return first;
}

}  // namespace

std::string tab_unescape(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\001' && i + 1 < text.size())
            out += unescaped(text[++i]);
        else
            out += text[i];
    }
    return out;
}

DictAnswer DictSession::line(std::string_view line)
{
    if (line.empty())
        return nonsense("empty line");
    const auto fields = split(line.substr(1));
    switch (line.front()) {
        case 'H':  // hello
        case 'U':  // unset
        case 'A':  // atomic increment
        case 'T':  // time of the transaction
            return {};
        case 'L':
            return {"N\n", {}, {}};
        case 'I':
            return {"\n", {}, {}};
        case 'B':
            return begin(fields);
        case 'S':
            return set(fields);
        case 'C':
            return commit(fields, false);
        case 'D':
            return commit(fields, true);
        case 'R':
            open_.erase(fields.front());
            return {};
        default:
            return failed("", "unknown command");
    }
}

DictAnswer DictSession::begin(const Fields& fields)
{
    if (open_.size() >= max_open)
        return nonsense("too many open transactions");
    open_[fields.front()].clear();
    return {};
}

DictAnswer DictSession::set(const Fields& fields)
{
    const auto it = open_.find(fields.front());
    if (fields.size() != 3 || it == open_.end())
        return nonsense("assignment outside of a transaction");
    if (it->second.size() >= max_sets)
        return nonsense("transaction too long");
    it->second.push_back({fields[1], fields[2]});
    return {};
}

DictAnswer DictSession::commit(const Fields& fields, bool async)
{
    const std::string& id = fields.front();
    if (id.find_first_not_of("0123456789") != id.npos)
        return failed("", "not a transaction number");
    auto transaction = open_.extract(id);
    if (!transaction)
        return failed(id, "no such transaction");
    return {
        (async ? "AO" : "O") + id + "\n", std::move(transaction.mapped()), {}};
}

std::optional<LastLogin> parse_last_login(const DictSet& set)
{
    std::string_view path = set.key;
    const auto scope = component(path);
    if ((scope != "shared" && scope != "priv") ||
        component(path) != "last-login")
        return std::nullopt;
    const auto when = time_of(set.value);
    auto ip = component(path);
    std::string_view service;
    if (!policy::ClientAddr::parse(ip)) {
        service = ip;
        ip = component(path);
    }
    if (!when || !policy::ClientAddr::parse(ip))
        return std::nullopt;
    return LastLogin{std::string{ip}, std::string{path}, std::string{service},
                     *when};
}

}  // namespace milters::login
