// LOOKUP="access From:a@b.example": maps and classes, as recipes ask them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/map/map.h"
#include "policy/recipe/world.h"
#include "policy/result.h"

namespace policy::filter {

/// access.db and class files of one configuration.  Any thread.
class Lookups {
public:
    /// @param access   the map, null for none
    /// @param classes  names and files; a file is read when first asked for
    Lookups(std::shared_ptr<map::Source> access,
            std::vector<std::pair<std::string, std::string>> classes);

    /// "access": the right-hand side of the key, which may have a tag before
    /// a colon, or else of what is nearest to it: for user@host.domain these
    /// are host.domain, domain, and user@; for an address its networks by
    /// octets.  A class: the word, if it is in the class.
    ///
    /// access.db may hold passwords, with the tag AuthInfo: no recipe gets at
    /// these, and users at nothing but what is said of mail (Connect:, From:,
    /// To:, Spam:, without tag), which any SMTP client can find out.
    /// Errc::usage: no such map, or not for recipes of this scope; other
    /// errors: it cannot be read.
    Result<std::optional<std::string>> find(const std::string& map,
                                            const std::string& key,
                                            recipe::Scope scope) const;

    /// Keys that are asked for in turn.
    static std::vector<std::string> keys_of(const std::string& key);

private:
    Result<std::optional<std::string>> in_access(const std::string& key,
                                                 recipe::Scope scope) const;
    Result<std::optional<std::string>> in_class(const std::string& name,
                                                const std::string& key) const;

    std::shared_ptr<map::Source> access_;
    std::map<std::string, std::string> classes_;
};

}  // namespace policy::filter
