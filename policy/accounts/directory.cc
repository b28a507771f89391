#include "policy/accounts/directory.h"

#include <pwd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace policy::accounts {
namespace {

std::string folded(std::string text)
{
    for (char& c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return text;
}

/// `user` without `@realm`; unchanged with another domain or none.
std::string without_realm(const std::string& user, const std::string& realm)
{
    const auto at = user.rfind('@');
    if (at == user.npos || realm.empty() ||
        folded(user.substr(at + 1)) != folded(realm))
        return user;
    return user.substr(0, at);
}

class Passwd final : public Directory {
public:
    explicit Passwd(std::string realm) : realm_{std::move(realm)} {}

    Result<bool> exists(const std::string& user) override
    {
        constexpr std::size_t most = 1U << 20;
        const std::string login = without_realm(user, realm_);
        if (login.find_first_of(std::string_view{":\n\0", 3}) != login.npos)
            return false;
        for (std::size_t size = 1024; size <= most; size *= 4) {
            std::vector<char> buffer(size);
            struct passwd entry {};
            struct passwd* found = nullptr;
            int rc = getpwnam_r(login.c_str(), &entry, buffer.data(),
                                buffer.size(), &found);
            if (rc == 0)
                return found != nullptr;
            if (rc != ERANGE && rc != EINTR)
                return fail(Errc::io,
                            "passwd: " + std::string{std::strerror(rc)});
        }
        return fail(Errc::io, "passwd: entry too long");
    }

    const std::string& name() const override { return name_; }

private:
    std::string realm_, name_ = "passwd";
};

class MapKeys final : public Directory {
public:
    MapKeys(std::shared_ptr<map::Source> map, std::string realm)
        : map_{std::move(map)}, realm_{std::move(realm)}
    {
    }

    Result<bool> exists(const std::string& user) override
    {
        const auto now = map_->current();
        if (!now)
            return fail(now.error());
        const std::string bare = without_realm(user, realm_);
        const bool domain = bare.find('@') != bare.npos;
        return (*now)->find(folded(user)) || (*now)->find(folded(bare)) ||
               (!domain && !realm_.empty() &&
                (*now)->find(folded(bare + "@" + realm_)));
    }

    const std::string& name() const override { return map_->name(); }

private:
    std::shared_ptr<map::Source> map_;
    std::string realm_;
};

}  // namespace

std::unique_ptr<Directory> passwd(std::string realm)
{
    return std::make_unique<Passwd>(std::move(realm));
}

std::unique_ptr<Directory> map_keys(std::shared_ptr<map::Source> map,
                                    std::string realm)
{
    return std::make_unique<MapKeys>(std::move(map), std::move(realm));
}

}  // namespace policy::accounts
