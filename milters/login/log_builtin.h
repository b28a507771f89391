// The log lines of the known POP and IMAP servers.
#pragma once

#include <span>
#include <string_view>

namespace milters::login {

/// A name for `format:` and the rules as a pattern file would have them.
struct BuiltinFormat {
    std::string_view name, rules;
};

std::span<const BuiltinFormat> builtin_formats();

}  // namespace milters::login
