// pam_postern.so: tells relay-milter of a POP or IMAP login.
//
//   account optional pam_postern.so [socket=PATH] [service=pop3|imap]
//
// Acts in the account phase, which runs only after the password was right,
// reports PAM_RHOST and PAM_USER by one datagram that cannot block, and always
// returns PAM_IGNORE: no login ever depends on it.
#define PAM_SM_ACCOUNT
#include <security/pam_modules.h>
#include <string.h>

#include "contrib/login_report.h"

namespace {

/// Value of `key=...` among a module's arguments; null if there is none.
const char* argument(int argc, const char** argv, const char* key)
{
    const size_t size = strlen(key);
    for (int i = 0; i < argc; ++i)
        if (strncmp(argv[i], key, size) == 0 && argv[i][size] == '=')
            return argv[i] + size + 1;
    return nullptr;
}

const char* item(const pam_handle_t* pam, int type)
{
    const void* value = nullptr;
    if (pam_get_item(pam, type, &value) != PAM_SUCCESS)
        return nullptr;
    return static_cast<const char*>(value);
}

/// PAM's name of the service, unless that says nothing about the protocol.
const char* service_of(const pam_handle_t* pam)
{
    const char* service = item(pam, PAM_SERVICE);
    return service && strcmp(service, "dovecot") == 0 ? nullptr : service;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int pam_sm_acct_mgmt(
    pam_handle_t* pam, int, int argc, const char** argv)
{
    const char* ip = item(pam, PAM_RHOST);
    if (!contrib::is_address(ip))
        return PAM_IGNORE;
    const char* path = argument(argc, argv, "socket");
    const char* service = argument(argc, argv, "service");
    contrib::LoginReport report;
    report.add("ip", ip);
    report.add("user", item(pam, PAM_USER));
    report.add("service", service ? service : service_of(pam));
    report.send(path ? path : contrib::default_socket);
    return PAM_IGNORE;
}
