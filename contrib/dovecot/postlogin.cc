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

int main(int argc, char** argv)
{
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
        report.send(path);
    }
    if (i >= argc) {
        fprintf(stderr, "usage: %s [-s SERVICE] [-p SOCKET] PROGRAM...\n",
                argv[0]);
        return 64;
    }
    execv(argv[i], argv + i);
    perror(argv[i]);
    return 71;
}
