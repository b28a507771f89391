// sendmail.cf and submit.cf: the lines that other programs of a mail host need
// to know of.  Source: Sendmail Installation and Operation Guide, section 5.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace policy::sendmail {

/// One line with those that continue it.  `text` is without its first letter.
struct Line {
    char kind;   ///< 'O', 'X', 'K', 'F', 'D', ...; '#': a comment
    int number;  ///< from 1
    std::string text;
};

/// `O Name=value`.
struct Option {
    int line = 0;
    std::string value;
};

/// `Xname, S=socket, F=T, T=C:30s;E:5m`: a milter that may be used.
struct MailFilter {
    int line = 0;
    std::string name;
    std::string socket;  ///< S=
    std::string flags;   ///< F=: letters of "RT4"; empty: mail goes on unseen
    /// T=E: from the end of a message to the verdict on it.
    std::chrono::milliseconds end_of_message{std::chrono::minutes{5}};
};

/// `O DaemonPortOptions=...`.
struct Daemon {
    int line = 0;
    std::string name;
    std::string port;
    std::string address;
    std::string modifiers;  ///< M=
    /// I=: its own filters in place of InputMailFilters.
    std::optional<std::vector<std::string>> filters;
};

/// A K line, or one map of the option AliasFile.
struct Map {
    int line = 0;
    std::string name;
    std::string kind;   ///< hash, btree, cdb, implicit, socket, regex, ...
    std::string flags;  ///< `-o -T<TMPF>`, as written
    std::string path;   ///< the first word that is no flag; or of a sequence
                        ///< the names of its maps
    bool optional = false;  ///< -o
};

/// An F line that reads a file.
struct ClassFile {
    int line = 0;
    std::string name;
    std::string path;
    std::string format;     ///< behind the path: `%[^\#]`
    bool optional = false;  ///< -o
};

/// A configuration file as it was when read.  Immutable; any thread may ask.
class Cf {
public:
    /// Errc::io where the file cannot be read.
    static Result<Cf> read(const std::string& path);

    /// From its text; `path` is for messages.  Nothing is refused: what
    /// sendmail would not accept is left to sendmail to say.
    static Cf parse(std::string_view text, std::string path);

    const std::string& path() const { return path_; }
    const std::vector<Line>& lines() const { return lines_; }

    /// The option, in any case; the last one counts.
    std::optional<Option> option(std::string_view name) const;
    /// Each time that it is set.
    std::vector<Option> options(std::string_view name) const;

    /// Value of a D line: `j`, `{MTAHost}`.
    std::optional<Option> macro(std::string_view name) const;
    /// Words of the C lines of a class: `w`, `{TrustAuthMech}`.
    std::vector<std::string> class_words(std::string_view name) const;
    /// Value of an E line.
    std::string environment(std::string_view name) const;

    /// Every X line, in order.
    std::vector<MailFilter> mail_filters() const;
    /// Those that InputMailFilters names, in its order.
    std::vector<MailFilter> input_filters() const;
    std::vector<Daemon> daemons() const;

    std::vector<Map> maps() const;     ///< K lines
    std::vector<Map> aliases() const;  ///< AliasFile
    std::vector<ClassFile> class_files() const;

    /// Line of the first comment that holds `text`; 0 if there is none.  What
    /// a FEATURE has put into the file is told by its VERSIONID.
    int comment(std::string_view text) const;

    /// Line of `Sname`, or 0.
    int ruleset(std::string_view name) const;

private:
    std::string path_;
    std::vector<Line> lines_;
};

/// `30s`, `5m`, `1h30m`; a plain number is seconds.  nullopt if it is none.
std::optional<std::chrono::milliseconds> interval(std::string_view text);

}  // namespace policy::sendmail
