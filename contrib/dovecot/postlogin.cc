// postern-postlogin: a post-login hook for Dovecot that knows neither the auth
// policy client nor last_login (before 2.2.14).  See postern-postlogin.conf.
//
//   postern-postlogin [-s SERVICE] [-p SOCKET] PROGRAM [ARGUMENT...]
//
// Tells relay-milter of the login in $USER from $IP and becomes PROGRAM, in
// any case: the login must not fail by us.  Never writes to standard output,
// which is the client's connection.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "contrib/login_report.h"
#include "policy/version.h"

namespace {

constexpr const char* usage =
    "usage: postern-postlogin [-s SERVICE] [-p SOCKET] PROGRAM [ARGUMENT...]\n";
constexpr const char* help =
    "Tells relay-milter of the login of $USER from $IP, becomes PROGRAM.\n\n"
    "  -s SERVICE      pop3 or imap, which Dovecot does not tell\n"
    "  -p SOCKET       of relay-milter, default /run/postern/login.sock\n"
    "  -h,--help       this text\n"
    "  -V,--version    the version\n";

/// Answers what only somebody who types it asks: it is the only argument.
bool answered(const char* argument)
{
    if (strcmp(argument, "-h") == 0 || strcmp(argument, "--help") == 0)
        printf("%s%s", usage, help);
    else if (strcmp(argument, "-V") == 0 || strcmp(argument, "--version") == 0)
        printf("postern-postlogin %s\n", policy::version);
    else
        return false;
    return true;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc == 2 && answered(argv[1]))
        return 0;
    const char* service = nullptr;
    const char* path = contrib::default_socket;
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "-s") == 0)
            service = argv[i + 1];
        else if (strcmp(argv[i], "-p") == 0)
            path = argv[i + 1];
    }
    const char* ip = getenv("IP");
    if (contrib::is_address(ip)) {
        contrib::LoginReport report;
        report.add("ip", ip);
        report.add("user", getenv("USER"));
        report.add("service", service);
        report.add("method", getenv("AUTH_MECH"));
        report.send(path);
    }
    if (i >= argc) {
        fputs(usage, stderr);
        return 64;
    }
    execv(argv[i], argv + i);
    perror(argv[i]);
    return 71;
}
