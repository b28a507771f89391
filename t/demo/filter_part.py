"""The part of the demo in which a procmailrc meets mail at SMTP time."""
import os
import re
import subprocess

from harness import program, smtp
from harness.filter import FilterMilter
from harness.sendmail import Sendmail

PROCMAILRC = r"""
:0
* ^Subject:.*make money fast
{ REJECT="550 5.7.1 No, thank you: we have enough" }

:0
* ^To:.*sales@
! shop@example.org

:0
* ^X-Mailer: cheap
{ TAG="X-Suspect: yes" }
"""


def send(mta, head):
    with smtp.Client(mta.port) as client:
        client("EHLO client.example.net")
        return client.send("<joe@example.net>", ["<sales@example.org>"],
                           head + "\r\n\r\nhello\r\n")[-1]


def story(site, sink, title, show):
    """One message is refused, one redirected, one tagged; a pipe is refused."""
    site += "/recipes"
    os.mkdir(site)
    os.chmod(site, 0o755)

    def step(mta, head, wanted, arrives=None):
        reply = send(mta, head)
        show("stranger", head.replace("\r\n", ", "), reply, reply.startswith(wanted))
        if arrives:
            got = sink.wait(head.split("\r\n")[-1])
            text = " ".join(got["rcpt"]) + "\n" + got["text"] if got else ""
            found = re.search(arrives, text)
            show("mailbox", "what arrived", found[0] if found else "nothing", found)

    title("filter-milter runs a procmailrc while the client waits")
    milter = FilterMilter(site, rc=PROCMAILRC)
    with milter, Sendmail(site, mc=milter.mc(), sink=sink.port) as mta:
        step(mta, "Subject: make money fast", "550 5.7.1 No, thank you")
        step(mta, "To: sales@example.org\r\nSubject: an order", "250",
             r"RCPT To:<shop@\S+>")
        step(mta, "X-Mailer: cheap\r\nSubject: an offer", "250", "X-Suspect: yes")
    milter.write("filterrc", PROCMAILRC + "\n:0\n| /bin/sh -c 'mail root' | tee x\n")
    done = subprocess.run([program("filter-milter"), "-n", "-c", milter.conf],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    show("postmaster", "filter-milter -n, with a pipe to a shell in the file",
         done.stdout.strip(), done.returncode == 78 and "filterrc:15:" in done.stdout)
