#!/usr/bin/env python3
"""What the milters do, shown on real sendmail, Dovecot and libclamav.

A laptop that is nobody's customer may not relay.  A POP3 or IMAP login opens
the relay for its address, for a while; SMTP AUTH opens it with a password.
Viruses are refused by name, whatever happens to the scanner.  Each line is a
step; the last tells whether all went as it must.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import filter_part
import virus_part
from harness import dns, dovecot, net, program, smtp, syslog
from harness.relay_milter import RelayMilter, vsmtprelay
from harness.sendmail import Sendmail

LAPTOP, PHONE, HOTEL = "192.0.2.77", "2001:db8::77", "203.0.113.9"
FRIEND = "<friend@remote.example>"
WINDOW = 4
REPORTS, SECRET = "127.0.0.1:21580", "shown to Dovecot only"
# Dovecot reports each login; contrib/dovecot has this file with explanations.
HOOK = f"""
auth_policy_server_url = http://{REPORTS}/dovecot
auth_policy_server_api_header = X-Relay-Auth: {SECRET}
auth_policy_hash_nonce = postern
auth_policy_check_before_auth = no
auth_policy_check_after_auth = no
auth_policy_report_after_auth = yes
auth_policy_request_attributes = login=%{{user}} remote=%{{rip}} real=%{{real_rip}} protocol=%s
"""
failed = []


def title(text):
    print(f"\n== {text}", flush=True)


def show(who, question, answer, wanted):
    """Prints one step; `wanted` says whether it is as it must be."""
    if not wanted:
        failed.append(question)
    mark = "" if wanted else "      <-- NOT AS IT MUST BE"
    print(f"  {who:13} {question}\n  {'':13}   {answer}{mark}", flush=True)


def rcpt(mta, source, code, who):
    reply = smtp.ask_relay(mta.port, source, rcpt=FRIEND)
    show(who, f"RCPT TO:{FRIEND}", reply, reply.code == code)


def pop3(source, user, password):
    with dovecot.Pop3(source) as client:
        reply = client.login(user, password)
        show("laptop", f"POP3 login of {user}", reply, reply.startswith("+OK"))
        client.command("QUIT")


def imap(source, user, password):
    with dovecot.Imap(source) as client:
        reply = client.login(user, password)
        show("phone", f"IMAP login of {user}", re.sub(r"\[.*\] ", "", reply),
             reply.startswith("OK"))
        client.command("LOGOUT")


def auth(mta, sink, source):
    with smtp.Client(mta.port, source) as client:
        client("EHLO hotel.example.net")
        bad = client.login("alice", "guess")
        show("hotel", "AUTH PLAIN, a wrong password", bad, bad.code == 535)
        good = client.login("alice", "secret")
        show("hotel", "AUTH PLAIN, the right one", good, good.code == 235)
        last = client.send("<alice@example.org>", [FRIEND],
                           "Subject: postcard\r\n\r\nfrom the hotel\r\n")[-1]
        show("hotel", "MAIL, RCPT, DATA", last, last.code == 250)
    arrived = sink.wait("from the hotel")
    show("remote.example", "has the postcard", "yes" if arrived else "no", arrived)


def explain(mta, milter, source):
    done = subprocess.run(
        [program("postern"), "explain", "--config", milter.conf, "--client-addr",
         source, "--from", "joe@example.net", "--rcpt", FRIEND],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    show("postmaster", f"postern explain --client-addr {source} ...",
         done.stdout.strip().replace("\n", "\n" + " " * 18),
         "Relaying denied" in done.stdout)


def dump(milter, wanted):
    code, out, err = vsmtprelay("-s", milter.control_socket, "dump")
    show("postmaster", "vsmtprelay dump",
         (out + err).strip().replace("\n", "\n" + " " * 18), wanted in out)


def story(mta, milter, sink):
    title("A laptop in a cafe wants to send mail through mx.example.org")
    rcpt(mta, LAPTOP, 550, "laptop")
    title(f"It fetches its mail by POP3; the grant lasts {WINDOW} s here")
    pop3(LAPTOP, "alice", "secret")
    rcpt(mta, LAPTOP, 250, "laptop")
    rcpt(mta, HOTEL, 550, "somebody else")
    dump(milter, LAPTOP)
    title("The grant runs out")
    time.sleep(WINDOW + 1)
    rcpt(mta, LAPTOP, 550, "laptop")
    explain(mta, milter, LAPTOP)
    title("A phone, by IMAP and IPv6")
    rcpt(mta, PHONE, 550, "phone")
    imap(PHONE, "alice", "secret")
    rcpt(mta, PHONE, 250, "phone")
    title("SMTP AUTH (Cyrus SASL) needs no other login")
    auth(mta, sink, HOTEL)
    title("relay-milter is stopped: mail waits, nothing is relayed")
    milter.stop()
    reply = smtp.ask_relay(mta.port, LAPTOP, rcpt=FRIEND)
    show("laptop", f"RCPT TO:{FRIEND}", reply, 400 <= reply.code < 500)


def main():
    net.enter()
    resolver = dns.Dns()
    for address, name in ((LAPTOP, "laptop.cafe.example"),
                          (PHONE, "phone.mobile.example"),
                          (HOTEL, "room9.hotel.example")):
        resolver.client(address, name)
    syslog.Syslog()
    site = tempfile.mkdtemp(prefix="postern-demo.")
    os.chmod(site, 0o755)
    sink = smtp.Sink()
    secret = os.path.join(site, "secret")
    with open(secret, "w") as f:
        f.write(SECRET + "\n")
    os.chmod(secret, 0o600)
    milter = RelayMilter(site, site + "/mail", relay=f"""
  trust_auth_mech: [PLAIN, LOGIN]
  relayers: {{window: {WINDOW}s}}
  login: {{listen: "{REPORTS}", secret_file: {secret}}}
""")
    mta = Sendmail(site, sink=sink.port, users={"alice": "secret"},
                   mc=f"FEATURE(`postern_relay', `unix:{milter.map_socket}')dnl\n"
                   + milter.mc())
    try:
        with milter, dovecot.Dovecot(site + "/dovecot", extra_config=HOOK), mta:
            story(mta, milter, sink)
        virus_part.story(site, sink, title, show)
        filter_part.story(site, sink, title, show)
    finally:
        shutil.rmtree(site, ignore_errors=True)
    print(f"\n{len(failed)} steps failed" if failed else
          "\nAll as it must be.  Nothing of this machine was touched.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
