#include "policy/relay/site.h"

#include <algorithm>
#include <utility>

#include "policy/map/text.h"

namespace policy::relay {
namespace {

/// What sendmail writes for a blank between two words when it compares with
/// a class (option BlankSub of cf files made by m4).
constexpr char class_blank = '.';

std::shared_ptr<const map::Table> table_of(
    const std::vector<std::string>& words)
{
    map::Table::Builder builder;
    for (const auto& word : words)
        builder.add(map::folded(word), "");
    return std::move(builder).finish();
}

/// Tokens that are views into `text`, which stays where it is.
std::vector<Token> tokens_of(std::string_view text)
{
    std::vector<Token> out;
    std::pmr::monotonic_buffer_resource memory;
    std::size_t at = 0;
    for (const Token token : tokenise(text, &memory)) {
        at = text.find(token, at);
        out.push_back(text.substr(at, token.size()));
        at += token.size();
    }
    return out;
}

std::string behind_first_dot(const std::string& name)
{
    const auto dot = name.find('.');
    return dot == npos ? std::string{} : name.substr(dot + 1);
}

/// Class w: what the file says, and what sendmail adds by itself.
std::vector<std::string> local_names(const Settings& settings)
{
    std::vector<std::string> names{settings.local_host_names.begin(),
                                   settings.local_host_names.end()};
    names.insert(names.end(), {"localhost", "[127.0.0.1]"});
    if (!settings.domain.empty())
        names.push_back(settings.domain);
    return names;
}

std::vector<std::string> if_any(const std::string& word)
{
    return word.empty() ? std::vector<std::string>{}
                        : std::vector<std::string>{word};
}

std::vector<std::vector<Token>> localhost_claims_of(
    const Features& features, const std::vector<Token>& host_domain)
{
    std::vector<std::vector<Token>> claims;
    for (const char* const end :
         {"@localhost", "@[127.0.0.1]", "@[IPv6:0:0:0:0:0:0:0:1]",
          "@[IPv6:::1]", "@localhost."})
        claims.push_back(tokens_of(end));
    claims.back().insert(claims.back().end(), host_domain.begin(),
                         host_domain.end());
    if (features.uucp)
        claims.push_back(tokens_of("@localhost.UUCP"));
    return claims;
}

}  // namespace

NameClass::NameClass(const std::vector<std::string>& words)
    : members_{table_of(words)}
{
    members_->for_each([this](std::string_view word, std::string_view) {
        if (!word.empty())
            first_bytes_.set(static_cast<unsigned char>(word.front()));
    });
}

bool NameClass::has(TokenSpan tokens, Memory* memory) const
{
    if (tokens.empty() || !may_begin_with(tokens.front()))
        return false;
    const Phrase phrase{tokens, class_blank, true, memory};
    return members_->find(phrase.all()).has_value();
}

bool NameClass::has_end_of(TokenSpan tokens, Memory* memory) const
{
    if (std::none_of(tokens.begin(), tokens.end(),
                     [this](Token t) { return may_begin_with(t); }))
        return false;
    const Phrase phrase{tokens, class_blank, true, memory};
    for (std::size_t i = 0; i < tokens.size(); ++i)
        if (members_->find(phrase.from(i)))
            return true;
    return false;
}

bool NameClass::has_start_of(TokenSpan tokens, Memory* memory) const
{
    if (tokens.empty() || !may_begin_with(tokens.front()))
        return false;
    const Phrase phrase{tokens, class_blank, true, memory};
    for (std::size_t i = 1; i <= tokens.size(); ++i)
        if (members_->find(phrase.slice(0, i)))
            return true;
    return false;
}

Site::Site(const Settings& settings, const Features& switches)
    : features{switches},
      local{local_names(settings)},
      relay_domains{settings.relay_domains},
      entire_domain{if_any(settings.host_domain.empty()
                               ? behind_first_dot(settings.domain)
                               : settings.host_domain)},
      trust_auth_mech{
          {settings.trust_auth_mech.begin(), settings.trust_auth_mech.end()}},
      authenticates{!settings.trust_auth_mech.empty()},
      local_names_file{settings.local_names_file},
      relay_domains_file{settings.relay_domains_file},
      compressed_ipv6{settings.compressed_ipv6},
      domain{settings.domain},
      host_domain{settings.host_domain.empty()
                      ? behind_first_dot(settings.domain)
                      : settings.host_domain},
      domain_tokens{tokens_of(domain)},
      host_domain_tokens{tokens_of(host_domain)},
      localhost_claims{localhost_claims_of(features, host_domain_tokens)}
{
}

Result<std::shared_ptr<const Site>> Site::make(const Settings& settings)
{
    const auto features = read_features(settings.features);
    if (!features)
        return fail(features.error());
    return std::make_shared<const Site>(settings, *features);
}

}  // namespace policy::relay
