// A milter that does nothing, in plain libmilter: what relay-milter's speed is
// measured against.  It asks for the same stages and macros.
//
//     bench-null-milter unix:SOCKET [message]
//
// With `message` it asks for headers and body too, as filter-milter does.
#include <libmilter/mfapi.h>

#include <array>

namespace {

constexpr unsigned long with_message =
    SMFIP_NODATA | SMFIP_NOEOH | SMFIP_NOUNKNOWN | SMFIP_NR_CONN |
    SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_BODY;
bool takes_message = false;

constexpr unsigned long wanted = SMFIP_NODATA | SMFIP_NOHDRS | SMFIP_NOEOH |
                                 SMFIP_NOBODY | SMFIP_NOUNKNOWN |
                                 SMFIP_NR_CONN | SMFIP_NR_HELO;

sfsistat negotiate(SMFICTX* ctx, unsigned long actions, unsigned long protocol,
                   unsigned long, unsigned long, unsigned long* use_actions,
                   unsigned long* use_protocol, unsigned long* f2,
                   unsigned long* f3)
{
    std::array<const char*, 4> macros{
        "j _ i {daemon_name} {client_addr} {client_name} {client_ptr} "
        "{client_resolve} {client_rate} {client_connections}",
        "{tls_version} {verify} {cert_issuer} {cert_subject}",
        "i {auth_type} {auth_authen} {verify} {cert_issuer} {cert_subject} "
        "{mail_addr}",
        "i {rcpt_mailer} {rcpt_addr}"};
    for (int stage = 0; stage < 4; ++stage)
        smfi_setsymlist(
            ctx, stage,
            const_cast<char*>(macros[static_cast<std::size_t>(stage)]));
    *use_actions = actions & (SMFIF_QUARANTINE | SMFIF_SETSYMLIST);
    *use_protocol = protocol & (takes_message ? with_message : wanted);
    *f2 = *f3 = 0;
    return SMFIS_CONTINUE;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 2 && argc != 3)
        return 64;
    takes_message = argc == 3;
    smfiDesc filter{};
    filter.xxfi_name = const_cast<char*>("null");
    filter.xxfi_version = SMFI_VERSION;
    filter.xxfi_flags = SMFIF_QUARANTINE | SMFIF_SETSYMLIST;
    filter.xxfi_connect = [](SMFICTX*, char*, sockaddr*) -> sfsistat {
        return SMFIS_NOREPLY;
    };
    filter.xxfi_helo = [](SMFICTX*, char*) -> sfsistat {
        return SMFIS_NOREPLY;
    };
    filter.xxfi_envfrom = [](SMFICTX*, char**) -> sfsistat {
        return takes_message ? SMFIS_NOREPLY : SMFIS_CONTINUE;
    };
    filter.xxfi_header = [](SMFICTX*, char*, char*) -> sfsistat {
        return SMFIS_NOREPLY;
    };
    filter.xxfi_body = [](SMFICTX*, unsigned char*, size_t) -> sfsistat {
        return SMFIS_NOREPLY;
    };
    filter.xxfi_envrcpt = [](SMFICTX*, char**) -> sfsistat {
        return SMFIS_CONTINUE;
    };
    filter.xxfi_eom = [](SMFICTX*) -> sfsistat { return SMFIS_CONTINUE; };
    filter.xxfi_negotiate = negotiate;
    if (smfi_setconn(argv[1]) != MI_SUCCESS ||
        smfi_register(filter) != MI_SUCCESS)
        return 70;
    return smfi_main();
}
