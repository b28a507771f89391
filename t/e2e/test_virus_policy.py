"""What virus-milter does beside the answer: splits, exempts, renames, keeps,
tells, counts."""
import email
import json
import os
import signal
import socket
import subprocess
import sys

from harness import net, program, smtp, virus, virus_files
from harness.sendmail import makemap
from harness.virus_gate import gate, infected, send  # noqa: F401

OUTSIDE = "192.0.2.66"


def postern(milter, *words):
    """-> (exit code, stdout, stderr)"""
    command, *rest = words
    done = subprocess.run([program("postern"), command, "-c", milter.conf, *rest],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout, done.stderr


def submitter(site, port):
    """A sendmail program that submits to this port as local users do."""
    path = os.path.join(site, "submit")
    with open(path, "w") as f:
        f.write(f"#!{sys.executable}\n"
                "import smtplib, sys\n"
                "at = sys.argv.index('-f')\n"
                "with open(" + repr(path + ".log") + ", 'a') as log:\n"
                "    print(sys.argv[1:], file=log)\n"
                "sender = sys.argv[at + 1].strip('<>')\n"
                "sys.stderr = open(" + repr(path + ".err") + ", 'a')\n"
                f"with smtplib.SMTP('127.0.0.1', {port}) as s:\n"
                "    s.sendmail(sender, sys.argv[at + 3:],\n"
                "               sys.stdin.buffer.read().replace(b'\\n', b'\\r\\n'))\n")
    os.chmod(path, 0o755)
    return path


GROUPS = ("  groups:\n"
          "    - {name: lab, recipients: ['*@lab.example.org'], infected: tag}\n"
          "    - {name: free, recipients: ['*@free.example.org'], scan: no}\n")


def test_recipients_are_split(gate, sink):
    milter, mta = gate(virus="  recipients: split\n" + GROUPS)
    with smtp.Client(mta.port) as c:
        c("EHLO c")
        c("MAIL FROM:<a@example.net>")
        assert c("RCPT TO:<x@lab.example.org>").code == 250
        refused = c("RCPT TO:<y@example.org>")
        assert refused.code == 452 and "4.5.3" in refused
        assert c("RCPT TO:<z@free.example.org>").code == 452
        assert c("RCPT TO:<w@LAB.example.org>").code == 250
        c("DATA")
        assert c(infected("mark-split") + "\r\n.").code == 250
    got = sink.wait("mark-split")
    assert len(got["rcpt"]) == 2 and "[infected" in got["text"]
    line = [l for l in milter.stderr().splitlines() if "to=<y@example.org>" in l]
    assert "recipient asked to come again" in line[0] and "first=lab" in line[0]
    # On their own they get what is theirs.
    assert send(mta, infected("mark-own"), ["<y@example.org>"]).code == 550
    assert send(mta, infected("mark-free"), ["<z@free.example.org>"]).code == 250
    assert "X-Virus-Status: not scanned" in sink.wait("mark-free")["text"]
    assert "recipients=differ" not in milter.stderr()
    code, out, _ = postern(milter, "virus", "stats", "--json")
    assert code == 0 and json.loads(out)["split"] == 2


def test_access_db_exempts(gate, site, sink):
    access = site + "/exempt"
    makemap(access, "Virus:192.0.2.66\tOK\nVirus:lab@example.org\tOK\n"
                    "Virus:IPv6:2001:db8\tOK\n"
                    "Virus:free.example.org\tOK\nexample.net\tOK\n")
    _, mta = gate(virus=f"  skip: {{access: {access}}}\n")
    assert send(mta, infected("m1")).code == 550
    assert send(mta, infected("m2"), source=OUTSIDE).code == 250
    assert send(mta, infected("m6"), source="2001:db8::7").code == 250
    assert send(mta, infected("m3"), ["<lab@example.org>"]).code == 250
    assert send(mta, infected("m4"), ["<lab@example.org>", "<b@example.org>"]).code == 550
    os.rename(access + ".db", access + ".gone")  # unreadable: nobody is exempt
    assert send(mta, infected("m5"), source=OUTSIDE).code == 550


def rename_rule(action="rename"):
    return f"  attachments:\n    - {{name: ['*.exe'], action: {action}, except: ['ok*']}}\n"


def test_attachments_are_renamed(gate, sink):
    _, mta = gate(virus=rename_rule())
    text = virus.message(("a.exe", b"MZ is not"), ("b.txt", b"text"), ("ok.exe", b"MZ"),
                         text="mark-rename")
    assert send(mta, text).code == 250
    mail = email.message_from_string(sink.wait("mark-rename")["text"])
    assert [p.get_filename() for p in mail.get_payload()] == [
        None, "a.exe.blocked", "b.txt", "ok.exe"]
    assert [p.get_content_type() for p in mail.get_payload()][1:3] == [
        "application/octet-stream"] * 2
    assert mail.get_payload(1).get_payload(decode=True) == b"MZ is not"
    # A message that is one file.
    single = ("X-Mark: single\r\nMIME-Version: 1.0\r\n"
              "Content-Type: application/x-msdownload; name=x.exe\r\n\r\nMZ\r\n")
    assert send(mta, single).code == 250
    mail = email.message_from_string(sink.wait("X-Mark: single")["text"])
    assert mail.get_filename() == "x.exe.blocked"
    assert "MZ" in mail.get_payload()


def test_names_that_only_readers_decode(gate, sink):
    _, mta = gate(virus=rename_rule("reject"))
    for name in ("filename*=utf-8''a%2Eexe", "filename*0=\"a.\";\r\n filename*1=EXE",
                 'filename="=?utf-8?B?YS5leGU=?="'):
        text = virus.message(("NAME", b"MZ")).replace('filename="NAME"', name)
        assert name in text
        assert send(mta, text).startswith("550 5.7.1 Attachment not accepted")


def test_names_that_the_engine_does_not_tell(gate, sink):
    _, mta = gate(virus=rename_rule("reject"))
    exe = b"MZ" + bytes(200)
    uu = ("Subject: x\r\n\r\nhi\r\nbegin 644 a.exe\r\n"
          + virus_files.uuencoded(exe).decode("latin1") + "end\r\n")
    other = virus.message(("a.exe", exe)).replace('filename="a.exe"', 'filename="a.txt"')
    for text in (uu, other, virus.message(("w.dat", virus_files.tnef("a.exe", exe))),
                 virus.message(("a.exe.", exe))):
        assert send(mta, text).startswith("550 5.7.1 Attachment not accepted: a.exe"), text[:200]


def test_long_lists_of_parts(gate, sink):
    milter, mta = gate(virus="  actions: {limits: tag}\n  limits: {files: 700}\n"
                             + rename_rule("reject"))
    texts = [(f"{i}.txt", b"text %d" % i) for i in range(800)]
    assert send(mta, virus.message(("a.zip", virus.zipped(*texts[:600])))).code == 250
    assert send(mta, virus.message(*texts[:201])).code == 250
    assert "status=limits" not in milter.stderr()
    reply = send(mta, virus.message(("a.zip", virus.zipped(*texts, ("a.exe", b"MZ")))))
    assert reply.code == 550, reply


def test_what_is_told_of_attachments(gate, sink):
    milter, mta = gate(virus="  attachments:\n    - {name: ['*.exe'], action: tag, inside: no}\n")
    assert send(mta, virus.message(("a.exe", b"MZ"), text="mark-1")).code == 250
    got = sink.wait("mark-1")["text"]
    assert "Subject: [filtered (a.exe)] test" in got
    assert "X-Virus-Status: filtered (a.exe)" in got
    assert "status=filtered action=tag" in milter.stderr()
    assert send(mta, virus.message(("a.zip", virus.zipped(("a.exe", b"MZ"))),
                                   text="mark-2")).code == 250
    assert "X-Virus-Status: clean" in sink.wait("mark-2")["text"]


def test_archives_that_cannot_be_unpacked(gate, sink):
    milter, mta = gate(virus="  attachments:\n    - {type: ['RAR*'], action: reject, reason: no}\n")
    archive = virus_files.rar("e.com", virus.eicar())
    reply = send(mta, virus.message(("e.rar", archive)))
    assert reply.code == 550
    # Only a host without that part of ClamAV needs the rule, and is told so.
    assert ("libclamunrar" in milter.stderr()) == ("Attachment not accepted" in reply)


def test_declared_types(gate, sink):
    _, mta = gate(virus="  attachments:\n    - {mime: ['video/*'], reason: no films}\n")
    film = virus.message(("f", b"x")).replace("application/octet-stream", "Video/MPEG")
    assert send(mta, film) == "550 5.7.1 Attachment not accepted: f (no films)"
    assert send(mta, virus.message(("f", b"x"))).code == 250


def test_kept_in_a_folder_and_released(gate, site, sink):
    milter, mta = gate(virus=(
        f"  actions: {{infected: quarantine}}\n  notify: {{sendmail: {site}/submit}}\n"
        f"  quarantine: {{where: folder, folder: {site}/kept}}\n"
        "  groups:\n    - {name: bin, recipients: ['*@bin.example.org'], infected: discard}\n"))
    submitter(site, mta.port)
    rcpts = ("<x@bin.example.org>", "<b@example.org>", "<y@bin.example.org>")
    assert send(mta, infected("mark-kept"), rcpts=rcpts).code == 250
    assert not sink.wait("mark-kept", timeout=1)
    code, out, _ = postern(milter, "quarantine", "list")
    assert code == 0 and len(out.splitlines()) == 1
    kept = out.split()[0]
    assert "infected Eicar-Test-Signature.UNOFFICIAL <a@example.net> b@example.org\n" in out
    assert f"kept={kept}" in milter.stderr()
    code, out, _ = postern(milter, "quarantine", "show", kept)
    assert code == 0 and "client: 127.0.0.1" in out and "subject: test" in out
    with open(f"{site}/kept/{kept}.eml", newline="") as f:
        text = f.read()
    assert text.startswith("From: <a@example.net>\r\n") and "mark-kept" in text
    # Whoever guesses, or is not local, is scanned.
    for head in (f"X-Virus-Release: {kept} 0000\r\n", "X-Virus-Release: x\r\n"):
        assert send(mta, head + infected("mark-guess")).code == 250
    assert not sink.wait("mark-guess", timeout=1)
    assert postern(milter, "quarantine", "release", "-r", "", kept)[0] == 64
    code, out, err = postern(milter, "quarantine", "release", kept)
    assert code == 0, (err, open(site + "/submit.err").read())
    got = sink.wait("mark-kept")
    assert "X-Virus-Status: not scanned" in got["text"]
    assert "X-Virus-Release" not in got["text"]
    milter.said("why=released")
    assert postern(milter, "quarantine", "delete", kept)[0] == 0
    assert postern(milter, "quarantine", "show", kept)[0] == 1


def test_copies_of_what_is_refused(gate, site, sink):
    milter, mta = gate(virus=f"  quarantine: {{folder: {site}/kept, copies: [reject], what: info}}\n")
    assert send(mta, infected()).code == 550
    _, out, _ = postern(milter, "quarantine", "list")
    assert len(out.splitlines()) == 1
    assert "message: not kept" in postern(milter, "quarantine", "show", out.split()[0])[1]
    assert send(mta, virus.message(text="mark-nocopy")).code == 250


def test_a_folder_that_fails_loses_no_mail(gate, site, sink):
    milter, mta = gate(virus=(f"  actions: {{infected: quarantine}}\n"
                              f"  quarantine: {{where: folder, folder: {site}/kept}}\n"))
    os.rmdir(site + "/kept")
    with open(site + "/kept", "w"):
        pass
    assert send(mta, infected()).code == 451
    milter.said("not kept:")


NOTICES = ("  notify: {{sendmail: {site}/submit, admin: [all], sender: [infected],"
           " recipients: [filtered], admins: [admin@example.org]}}\n")


def test_notices(gate, site, sink):
    milter, mta = gate(users={"ann": "secret"}, virus=(
        NOTICES.format(site=site) + rename_rule("discard")))
    submitter(site, mta.port)
    subject = "Subject: notice-%s\r\n"
    # From outside: the administrator is told, the sender, who may be another, is not.
    assert send(mta, subject % 1 + infected(), source=OUTSIDE).code == 550
    got = sink.wait("notice-1")["text"]
    assert "To: admin@example.org" in got and "infected (Eicar" in got
    assert "Subject: infected mail: Eicar-Test-Signature.UNOFFICIAL" in got
    assert "Auto-Submitted: auto-generated" in got and "Client:          192.0.2.66" in got
    # Whoever has authenticated is told.
    assert send(mta, subject % 2 + infected(), user="ann", password="secret",
                source=OUTSIDE).code == 550
    got = sink.wait("notice-2[^|]*To: <b@example.org>")
    assert got and any("<a@example.net>" in m["rcpt"][0] for m in sink.messages
                       if "notice-2" in m["text"])
    # Recipients: of filtered attachments.
    assert send(mta, subject % 3 + virus.message(("x.exe", b"MZ")), source=OUTSIDE).code == 250
    net.wait_for(lambda: [m for m in sink.messages if "notice-3" in m["text"]
                          and "<b@" in m["rcpt"][0]], 10, message="no notice")
    senders = [m["rcpt"] for m in sink.messages if "notice-1" in m["text"]]
    assert all("a@example.net" not in r for rcpts in senders for r in rcpts)
    assert all(m["mail"].endswith(":<>") for m in sink.messages
               if "Auto-Submitted" in m["text"])
    # Faults, too.
    with open(milter.database + "/bad.ndb", "w") as f:
        f.write("this is no signature\n")
    milter.process.send_signal(signal.SIGHUP)
    assert sink.wait("bad.ndb")


def test_disclaimer(gate, sink):
    _, mta = gate(virus="  disclaimer: {text: 'Scanned, but take care.', direction: in}\n" + (
        "  groups:\n    - {name: none, recipients: ['no@*'], disclaimer: no}\n"))
    assert send(mta, "X-Mark: d1\r\n\r\nhello\r\n", source=OUTSIDE).code == 250
    assert sink.wait("X-Mark: d1")["text"].endswith("hello\r\nScanned, but take care.\r\n")
    assert send(mta, virus.message(("a", b"x"), text="mark-d2"), source=OUTSIDE).code == 250
    mail = email.message_from_string(sink.wait("mark-d2")["text"])
    assert "take care" in mail.get_payload(2).get_payload()
    assert send(mta, "X-Mark: d3\r\n\r\nhello\r\n").code == 250  # local: out
    assert "take care" not in sink.wait("X-Mark: d3")["text"]
    assert send(mta, "X-Mark: d4\r\n\r\nhello\r\n", ["<no@example.org>"],
                source=OUTSIDE).code == 250
    assert "take care" not in sink.wait("X-Mark: d4")["text"]


def test_header_as_kavmilter(gate, sink):
    _, mta = gate(virus="  headers: {anti_virus: X-Anti-Virus}\n")
    assert send(mta, virus.message(text="mark-kav", headers="X-Anti-Virus: mine\r\n")).code == 250
    got = sink.wait("mark-kav")["text"].replace("\r\n\t", " ")
    assert got.count("X-Anti-Virus:") == 1 and " clean\r\n" in got
    assert "X-Anti-Virus: Postern virus-milter " in got


def test_status_and_numbers(gate, sink):
    milter, mta = gate()
    assert send(mta, infected()).code == 550
    assert send(mta, virus.message(text="one")).code == 250
    code, out, _ = postern(milter, "virus", "status")
    assert code == 0 and "ready: true" in out and "signatures: 4" in out
    stats = json.loads(postern(milter, "virus", "stats", "--json")[1])
    assert stats["messages"] == 2 and stats["status"]["infected"] == 1
    assert stats["last"][0]["signature"] == "Eicar-Test-Signature.UNOFFICIAL"
    assert stats["top_clients"] == [{"client": "127.0.0.1", "count": 1}]
    metrics = postern(milter, "virus", "metrics")[1]
    assert 'postern_virus_action_total{action="reject"} 1\n' in metrics
    assert "postern_virus_ready 1\n" in metrics
    # freshclam's NotifyClamd sends this word, and takes that for an answer.
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(milter.control)
        s.sendall(b"RELOAD")
        assert s.recv(100) == b"RELOADING\n"
    milter.said("signatures loaded", 2)
    with open(milter.database + "/bad.ndb", "w") as f:
        f.write("this is no signature\n")
    assert postern(milter, "virus", "reload")[0] == 0
    milter.said("bad.ndb")
    code, out, _ = postern(milter, "virus", "status")
    assert code == 1 and "bad.ndb" in out
    milter.stop()
    assert postern(milter, "virus", "status")[0] not in (0, 1)
    milter.process = None
