#include "milters/milter/smfi.h"

#include <array>
#include <utility>

namespace milters::milter {
namespace {

/// The protocol bits of a stage: "do not send it", "I do not answer it".
struct StageBits {
    Stage stage;
    unsigned long leave_out;
    unsigned long no_reply;
    int macros;  ///< SMFIM_*, or -1
};

constexpr std::array<StageBits, 9> stage_bits{{
    {Stage::connect, SMFIP_NOCONNECT, SMFIP_NR_CONN, SMFIM_CONNECT},
    {Stage::helo, SMFIP_NOHELO, SMFIP_NR_HELO, SMFIM_HELO},
    {Stage::mail, SMFIP_NOMAIL, SMFIP_NR_MAIL, SMFIM_ENVFROM},
    {Stage::rcpt, SMFIP_NORCPT, SMFIP_NR_RCPT, SMFIM_ENVRCPT},
    {Stage::data, SMFIP_NODATA, SMFIP_NR_DATA, SMFIM_DATA},
    {Stage::header, SMFIP_NOHDRS, SMFIP_NR_HDR, -1},
    {Stage::eoh, SMFIP_NOEOH, SMFIP_NR_EOH, SMFIM_EOH},
    {Stage::body, SMFIP_NOBODY, SMFIP_NR_BODY, -1},
    {Stage::eom, 0, 0, SMFIM_EOM},
}};

/// libmilter takes names of more than one letter in braces only.
std::string braced(const char* name)
{
    if (name[0] == '\0' || name[0] == '{' || name[1] == '\0')
        return name;
    return "{" + std::string(name) + "}";
}

/// smfi_setmlreply is variadic: it gets all the places there are, and the
/// first null ends the list.
template <std::size_t... I>
int set_lines(SMFICTX* ctx, const WireReply& reply, const char* enhanced,
              std::index_sequence<I...>)
{
    const auto line = [&](std::size_t i) -> char* {
        return i < reply.lines.size()
                   ? const_cast<char*>(reply.lines[i].c_str())  // read only
                   : nullptr;
    };
    return smfi_setmlreply(ctx, reply.code.c_str(), enhanced, line(I)...,
                           static_cast<char*>(nullptr));
}

}  // namespace

unsigned long action_flags(const Needs& needs)
{
    unsigned long flags = SMFIF_SETSYMLIST;
    if (needs.quarantine)
        flags |= SMFIF_QUARANTINE;
    if (needs.add_header)
        flags |= SMFIF_ADDHDRS;
    if (needs.change_headers)
        flags |= SMFIF_CHGHDRS;
    if (needs.replace_body)
        flags |= SMFIF_CHGBODY;
    if (needs.change_recipients)
        flags |= SMFIF_ADDRCPT | SMFIF_DELRCPT;
    return flags;
}

Terms terms_for(const Needs& needs, Terms offered)
{
    Terms wanted{action_flags(needs), SMFIP_NOUNKNOWN};
    for (const auto& bits : stage_bits) {
        if (!needs.wants(bits.stage))
            wanted.protocol |= bits.leave_out;
        // libmilter itself answers for us where the MTA knows no such bit.
        else if (needs.is_silent(bits.stage))
            wanted.protocol |= bits.no_reply;
    }
    if (needs.wants(Stage::body))
        wanted.protocol |= SMFIP_SKIP;
    return {wanted.actions & offered.actions,
            wanted.protocol & offered.protocol};
}

Terms negotiate(SMFICTX* ctx, const Needs& needs, Terms offered)
{
    if (offered.actions & SMFIF_SETSYMLIST)
        for (const auto& bits : stage_bits) {
            const char* names =
                needs.macros[static_cast<std::size_t>(bits.stage)];
            if (names && bits.macros >= 0)
                smfi_setsymlist(ctx, bits.macros, const_cast<char*>(names));
        }
    return terms_for(needs, offered);
}

sfsistat refuse(SMFICTX* ctx, const WireReply& reply)
{
    const char* enhanced =
        reply.enhanced.empty() ? nullptr : reply.enhanced.c_str();
    if (reply.lines.size() == 1)
        smfi_setreply(ctx, const_cast<char*>(reply.code.c_str()),
                      const_cast<char*>(enhanced),
                      const_cast<char*>(reply.lines.front().c_str()));
    else
        set_lines(ctx, reply, enhanced,
                  std::make_index_sequence<max_reply_lines>{});
    // Without its text the refusal still stands.
    return reply.temporary() ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

std::optional<std::string_view> SmfiContext::macro(const char* name)
{
    auto symbol = braced(name);
    const char* value = smfi_getsymval(ctx_, symbol.data());
    if (!value)
        return std::nullopt;
    return value;
}

bool SmfiContext::quarantine(const std::string& reason)
{
    return smfi_quarantine(ctx_, const_cast<char*>(reason.c_str())) ==
           MI_SUCCESS;
}

bool SmfiContext::add_header(const std::string& name, const std::string& value)
{
    return smfi_addheader(ctx_, const_cast<char*>(name.c_str()),
                          wire_header(value).data()) == MI_SUCCESS;
}

bool SmfiContext::insert_header(int index, const std::string& name,
                                const std::string& value)
{
    return smfi_insheader(ctx_, index, const_cast<char*>(name.c_str()),
                          wire_header(value).data()) == MI_SUCCESS;
}

bool SmfiContext::change_header(const std::string& name, int index,
                                const std::string* value)
{
    std::string fit = value ? wire_header(*value) : "";
    return smfi_chgheader(ctx_, const_cast<char*>(name.c_str()), index,
                          value ? fit.data() : nullptr) == MI_SUCCESS;
}

bool SmfiContext::replace_body(std::string_view bytes)
{
    auto* const data = reinterpret_cast<const unsigned char*>(bytes.data());
    return smfi_replacebody(ctx_, const_cast<unsigned char*>(data),
                            static_cast<int>(bytes.size())) == MI_SUCCESS;
}

bool SmfiContext::add_recipient(const std::string& rcpt)
{
    return smfi_addrcpt(ctx_, const_cast<char*>(rcpt.c_str())) == MI_SUCCESS;
}

bool SmfiContext::delete_recipient(const std::string& rcpt)
{
    return smfi_delrcpt(ctx_, const_cast<char*>(rcpt.c_str())) == MI_SUCCESS;
}

bool SmfiContext::progress()
{
    return smfi_progress(ctx_) == MI_SUCCESS;
}

}  // namespace milters::milter
