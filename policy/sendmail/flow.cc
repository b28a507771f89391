#include "policy/sendmail/flow.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "policy/map/class_file.h"
#include "policy/sendmail/words.h"

namespace policy::sendmail {
namespace {

std::string text_of_macro(const Cf& cf, std::string_view name)
{
    const auto macro = cf.macro(name);
    return macro ? macro->value : "";
}

/// F= of `Mlocal, P=..., F=lsDFM...`.
std::string flags_of_mailer(const Cf& cf, const std::string& mailer)
{
    for (const auto& line : cf.lines())
        if (line.kind == 'M' && line.text.starts_with(mailer + ","))
            for (const auto& [letter, value] : fields(line.text))
                if (letter == 'F')
                    return value;
    return {};
}

/// Adds the words of a class, from C lines and files.
Status collect(const Cf& cf, const std::string& name,
               std::set<std::string>& words)
{
    for (const auto& word : cf.class_words(name))
        words.insert(lower(word));
    for (const auto& file : cf.class_files()) {
        if (file.name != name)
            continue;
        const auto format = file.format.empty() ? map::ClassFormat::first_word
                                                : map::ClassFormat::all_words;
        const auto read =
            map::read_class_file(file.path, format, file.optional);
        if (!read)
            return fail(read.error());
        for (const auto& word : *read)
            words.insert(lower(word));
    }
    return {};
}

std::optional<Account> account_of(const std::string& name)
{
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> buffer;
    if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(),
                     &found) != 0 ||
        !found)
        return std::nullopt;
    return Account{found->pw_name, found->pw_dir, found->pw_uid};
}

/// Whether sendmail would read it: not to be changed by others.
bool trusted(const std::string& path, const Account& owner)
{
    struct stat st {};
    return ::stat(path.c_str(), &st) == 0 &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
           (st.st_uid == 0 || st.st_uid == owner.uid);
}

std::optional<std::string> read_text(const std::string& path,
                                     const Account* owner)
{
    if (owner &&
        (!trusted(path, *owner) ||
         !trusted(std::filesystem::path{path}.parent_path().string(), *owner)))
        return std::nullopt;
    std::ifstream in{path, std::ios::binary};
    if (!in)
        return std::nullopt;
    std::ostringstream text;
    if (in.peek() != std::ifstream::traits_type::eof())
        text << in.rdbuf();
    return text.str();
}

}  // namespace

FlowWorld this_host()
{
    FlowWorld world;
    world.account = account_of;
    world.read = read_text;
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    world.host_name = name.data();
    return world;
}

Router::Router(const Cf& cf, FlowWorld world)
    : world_{std::move(world)},
      maps_{cf.maps()},
      aliases_{cf.aliases()},
      catch_all_{text_of_macro(cf, "L")},
      hub_{text_of_macro(cf, "H")},
      smart_host_{text_of_macro(cf, "S")},
      local_flags_{flags_of_mailer(cf, "local")}
{
    const auto path = cf.option("ForwardPath");
    forward_path_ = path ? path->value : "$z/.forward";
    const auto own = text_of_macro(cf, "j");
    const auto name =
        own.empty() || own.find('$') != own.npos ? world_.host_name : own;
    short_name_ = world_.host_name.substr(0, world_.host_name.find('.'));
    local_ = {"localhost", "[127.0.0.1]", lower(name), lower(world_.host_name),
              lower(short_name_)};
    if (const auto most = cf.option("MaxAliasRecursion"))
        most_expansions_ = std::strtoul(most->value.c_str(), nullptr, 10);
}

Result<Router> Router::make(const Cf& cf, FlowWorld world)
{
    Router router{cf, std::move(world)};
    auto read = collect(cf, "w", router.local_);
    if (read)
        read = collect(cf, "{VirtHost}", router.virt_);
    if (!read)
        return fail(read.error());
    return router;
}

std::optional<Map> Router::map_called(std::string_view name) const
{
    for (const auto& map : maps_)
        if (map.name == name)
            return map;
    return std::nullopt;
}

bool Router::is_ours(std::string_view address) const
{
    const auto at = address.rfind('@');
    if (at == address.npos)
        return true;
    auto domain = lower(trimmed(address.substr(at + 1)));
    while (!domain.empty() && (domain.back() == '.' || domain.back() == '>'))
        domain.pop_back();
    return local_.contains(domain) || virt_.contains(domain);
}

std::vector<std::string> address_list(std::string_view text)
{
    std::vector<std::string> all;
    std::string one;
    bool quoted = false;
    int depth = 0;
    const auto end = [&] {
        if (const auto word = trimmed(one); !word.empty())
            all.emplace_back(word);
        one.clear();
        depth = 0;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            one += c;
        else if (c == '#' && (i == 0 || text[i - 1] == '\n'))
            i = std::min(text.find('\n', i), text.size());
        else if (c == '(')
            ++depth;
        else if (c == ')' && depth > 0)
            --depth;
        else if (depth == 0 && (c == ',' || c == '\n'))
            end();
        else if (depth == 0)
            one += c;
    }
    end();
    return all;
}

}  // namespace policy::sendmail
