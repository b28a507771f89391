#include "policy/map/access_lint.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_map>
#include <utility>

#include "policy/address.h"
#include "policy/map/access_lint_checks.h"
#include "policy/map/text.h"

namespace policy::map {
namespace {

using Kind = Finding::Kind;
using lint::among;
using lint::Check;
using lint::Entry;
using lint::Trouble;
using std::string_view;

/// Tags of sendmail and of Postern, folded.
constexpr std::array tags{
    "connect",
    "from",
    "to",
    "spam",
    "greetpause",
    "clientrate",
    "clientconn",
    "srv_features",
    "clt_features",
    "tls_clt",
    "tls_srv",
    "tls_rcpt",
    "try_tls",
    "authinfo",
    "certissuer",
    "certsubject",
    "compat",
    "tls_srv_features",
    "tls_clt_features",
    "virus",
    "filter",
};

Entry take_apart(const TextLine& line)
{
    Entry e{{}, folded(line.key), folded(line.value)};
    const auto colon = e.rest.find(':');
    if (colon != std::string::npos && among(tags, e.rest.substr(0, colon))) {
        e.tag = e.rest.substr(0, colon);
        e.rest.erase(0, colon + 1);
    }
    if (lint::unbalanced(e.value) == '\0')
        e.value = lint::without_comments(e.value);
    while (!e.value.empty() &&
           std::isspace(static_cast<unsigned char>(e.value.back())))
        e.value.pop_back();
    e.value.erase(0, e.value.find_first_not_of(" \t"));
    return e;
}

/// The tags with which a key without tag is asked for too: an address with
/// that of the client only, a mailbox with sender and recipient.
std::vector<string_view> tags_of_bare(string_view key)
{
    if (key.find('@') != key.npos)
        return {"from", "to"};
    const bool network = lint::starts(key, "ipv6") ||
                         key.find_first_not_of("0123456789.") == key.npos;
    if (network)
        return {"connect"};
    return {"connect", "from", "to"};
}

/// Where each key was first seen, and what makemap thinks of each line.
class Linter {
public:
    explicit Linter(const LintOptions& options) : options_{options} {}

    void take(const TextLine& line)
    {
        if (line.problem)
            return refused(line);
        const auto [first, fresh] =
            seen_.try_emplace(folded(line.key), line.number);
        if (!fresh)
            report(line, {Kind::refused,
                          "the same key stands in line " +
                              std::to_string(first->second),
                          "keep one of the two; the first counts"});
        const Entry e = take_apart(line);
        if (fresh && e.tag.empty())
            bare_.push_back({line.number, std::string{line.key}});
        for (const Check check : lint::key_checks())
            run(check, e, line);
        for (const Check check : lint::tag_checks())
            run(check, e, line);
        if (!among(lint::action_tags, e.tag))
            return;
        for (const Check check : lint::value_checks())
            run(check, e, line);
    }

    /// Behind the last line: untagged keys that a tagged one stands before
    /// whenever they would be asked for.
    std::vector<Finding> finish()
    {
        for (const auto& [number, key] : bare_) {
            const auto asked = folded(key);
            const auto tagged = tags_of_bare(asked);
            const bool shadowed =
                std::all_of(tagged.begin(), tagged.end(), [&](string_view tag) {
                    return seen_.contains(std::string{tag} + ":" + asked);
                });
            if (shadowed)
                findings_.push_back(
                    {number, Kind::dead, key,
                     "wherever it is asked for, a tagged key stands before it",
                     "take it away, or the tagged one that it should replace"});
        }
        std::stable_sort(
            findings_.begin(), findings_.end(),
            [](const Finding& a, const Finding& b) { return a.line < b.line; });
        return std::move(findings_);
    }

private:
    void refused(const TextLine& line)
    {
        const string_view problem = line.problem;
        const char* const cure =
            problem == "leading blank" ? "start the key in the first column"
            : problem == "no value"    ? "write key, blank, value"
                                       : "keep a line below 1024 bytes";
        report(line, {Kind::refused, std::string{problem}, cure});
    }

    void run(Check check, const Entry& e, const TextLine& line)
    {
        if (auto trouble = check(e, options_))
            report(line, std::move(*trouble));
    }

    void report(const TextLine& line, Trouble trouble)
    {
        findings_.push_back({line.number, trouble.kind, std::string{line.key},
                             std::move(trouble.cause),
                             std::move(trouble.cure)});
    }

    const LintOptions& options_;
    std::unordered_map<std::string, std::size_t> seen_;
    std::vector<std::pair<std::size_t, std::string>> bare_;  ///< without tag
    std::vector<Finding> findings_;
};

}  // namespace

const char* name_of(Finding::Kind kind)
{
    switch (kind) {
        case Kind::refused:
            return "refused";
        case Kind::dead:
            return "dead";
        case Kind::dangerous:
            return "dangerous";
    }
    return "?";
}

std::vector<Finding> lint_access(string_view text, const LintOptions& options)
{
    Linter linter{options};
    for_each_line(text, [&](const TextLine& line) { linter.take(line); });
    return linter.finish();
}

}  // namespace policy::map
