// From an address to the mailer, host and user that sendmail finds for it.
// Source: parseaddr.c of sendmail; the guide, 5.4 (M lines).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "policy/result.h"
#include "policy/sendmail/cf.h"
#include "policy/sendmail/rewriter.h"

namespace policy::sendmail {

/// An M line, or one of the mailers that need none.
struct Mailer {
    std::string name;
    std::string flags;    ///< F=
    std::string ruleset;  ///< R=, of the envelope

    bool has(char flag) const { return flags.find(flag) != std::string::npos; }
};

/// Names of mailers that sendmail has of its own.
inline constexpr const char* error_mailer = "error";
inline constexpr const char* file_mailer = "*file*";
inline constexpr const char* include_mailer = "*include*";
inline constexpr const char* program_mailer = "prog";

/// Where an address leads.
struct Target {
    Mailer mailer;
    std::string host;  ///< empty: none
    std::string user;  ///< as the mailer is told
    std::string text;  ///< of an error
    /// `$: @user`: no ruleset 5 is asked again.
    bool final = false;

    /// Whether both are the same mailbox.
    bool same_as(const Target& other) const
    {
        return mailer.name == other.mailer.name && user == other.user &&
               host == other.host;
    }
};

/// Rulesets 3, 0, 2, R= and 4 of one sendmail.cf.
class Resolver {
public:
    /// `rewriter` and `macros` are kept by reference.
    Resolver(const Cf& cf, const Rewriter& rewriter, Macros& macros);

    /// Where an address leads; nullopt where a text holds none.
    Result<std::optional<Target>> resolve(std::string_view address) const;

    /// Where ruleset 5 leads a local user; nullopt: nowhere else.
    Result<std::optional<Target>> local(const Target& user) const;

private:
    Result<std::optional<Target>> arrived(const Result<Symbols>& resolved,
                                          std::string_view address) const;
    Result<Target> target(const Symbols& resolved) const;
    Result<Target> mailed(Target to, Symbols user) const;
    const Mailer* mailer(std::string_view name) const;

    std::map<std::string, Mailer, std::less<>> mailers_;
    const Rewriter& rewriter_;
    Macros& macros_;
};

/// What a sender reads of `550 5.1.1 No such user`: `No such user`.  Pure.
std::string error_text(std::string_view value);

}  // namespace policy::sendmail
