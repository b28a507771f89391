#include "policy/recipe/macros.h"

#include <string_view>

namespace policy::recipe {
namespace {

struct Macro {
    std::string_view name, text;
};

// In this order: ^TO_ before ^TO, which is a part of it.
constexpr Macro macros[] = {
    {"^FROM_DAEMON",
     "(^(Mailing-List:|Precedence:.*(junk|bulk|list)|"
     "To: Multiple recipients of |"
     "(((Resent-)?(From|Sender)|X-Envelope-From):|>?From )"
     "([^>]*[^(.%@a-z0-9])?("
     "Post(ma?(st(e?r)?|n)|office)|(send)?Mail(er)?|daemon|"
     "m(mdf|ajordomo)|n?uucp|LIST(SERV|proc)|NETSERV|o(wner|ps)|"
     "r(e(quest|sponse)|oot)|b(ounce|bs\\.smtp)|echo|mirror|"
     "s(erv(ices?|er)|mtp(error)?|ystem)|"
     "A(dmin(istrator)?|MMGR|utoanswer)"
     ")(([^).!:a-z0-9][-_a-z0-9]*)?[%@>\t ][^<)]*(\\(.*\\).*)?)?"
     "$([^>]|$)))"},
    {"^TO_",
     "(^((Original-)?(Resent-)?(To|Cc|Bcc)|"
     "(X-Envelope|Apparently(-Resent)?)-To):(.*[^-a-zA-Z0-9_.])?)"},
    {"^TO",
     "(^((Original-)?(Resent-)?(To|Cc|Bcc)|"
     "(X-Envelope|Apparently(-Resent)?)-To):(.*[^a-zA-Z])?)"},
    {"^FROM_MAILER",
     "(^(((Resent-)?(From|Sender)|X-Envelope-From):|>?From )"
     "([^>]*[^(.%@a-z0-9])?("
     "Post(ma(st(er)?|n)|office)|(send)?Mail(er)?|daemon|mmdf|n?uucp|ops|"
     "r(esponse|oot)|(bbs\\.)?smtp(error)?|s(erv(ices?|er)|ystem)|"
     "A(dmin(istrator)?|MMGR)"
     ")(([^).!:a-z0-9][-_a-z0-9]*)?[%@>\t ][^<)]*(\\(.*\\).*)?)?"
     "$([^>]|$))"},
};

}  // namespace

bool replace_macros(std::string& pattern, std::size_t start)
{
    bool daemon = false;
    for (std::size_t i = 0; i < std::size(macros);) {
        const Macro& macro = macros[i];
        const std::size_t at = pattern.find(macro.name, start);
        // Only the first place is looked at: procmail does not go on behind
        // one that a backslash protects.
        if (at == pattern.npos || (at > 0 && pattern[at - 1] == '\\')) {
            ++i;
            continue;
        }
        pattern.replace(at, macro.name.size(), macro.text);
        daemon = daemon || i == 0;
        i = 0;
    }
    return daemon;
}

}  // namespace policy::recipe
