// The server's side of Dovecot's dict protocol, as far as a dict that stores
// nothing needs it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/clock.h"

namespace milters::login {

/// One assignment of a transaction, unescaped.
struct DictSet {
    std::string key, value;
};

/// What a line leads to.
struct DictAnswer {
    std::string reply{};               ///< with its newline; may be empty
    std::vector<DictSet> committed{};  ///< of the transaction it committed
    std::string malformed{};           ///< for the log, if it was nonsense
};

/// One connection's transactions.  Lines are `COMMAND ARGUMENTS`, the command
/// one letter, the arguments divided by tabs and escaped with \001:
///
///     H3<TAB>2<TAB>0<TAB><TAB>relayers   hello: version, type, user, name
///     B1<TAB>alice                       begin transaction 1
///     S1<TAB>shared/last-login/192.0.2.7/alice<TAB>1795293260
///     C1                                 commit, answered O1
///     R1, U1.., A1.., T1..               rollback, unset, increment, time
///     Lshared/key                        look up, answered N: not there
///     I0<TAB>0<TAB>shared/               iterate, answered by the empty line
///
/// What must be answered always is, also when it makes no sense (F), because
/// Dovecot would wait 30 s for it.  Source: Dovecot 2.3 dict-client, observed.
class DictSession {
public:
    /// @param line  without its newline
    DictAnswer line(std::string_view line);

    static constexpr std::size_t max_open = 64;
    static constexpr std::size_t max_sets = 64;  ///< in one transaction

private:
    using Fields = std::vector<std::string>;
    DictAnswer begin(const Fields& fields);
    DictAnswer set(const Fields& fields);
    DictAnswer commit(const Fields& fields, bool async);

    std::map<std::string, std::vector<DictSet>, std::less<>> open_;
};

/// A login as the last_login plugin writes it.
struct LastLogin {
    std::string ip, user, service;
    policy::Seconds when{};
};

/// From key `shared/last-login/ADDRESS[/USER]` (or priv/), with or without a
/// SERVICE component before the address, and the time as value.  nullopt if
/// it is another key or no time.  Pure.
std::optional<LastLogin> parse_last_login(const DictSet& set);

/// Undoes Dovecot's str_tabescape: \001 followed by 0, 1, t, r or n.
std::string tab_unescape(std::string_view text);

}  // namespace milters::login
