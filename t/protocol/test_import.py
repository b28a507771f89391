"""postern import: other programs' configurations as ours."""
import json
import os
import re
import subprocess

import pytest

from harness import program, server
from harness.sendmail import makemap

KAV = """# KavMilter 5.6
[kavmilter.global]
RunAsUid=kav
ServiceSocket=inet:1052@localhost
MilterTimeout=600
TempDir=/var/tmp
[kavmilter.snmp]
SNMPServices=none
AlertThreshold=10
[kavmilter.engine]
MaxScanRequests=0
MaxScanTime=10
ScanArchives=yes
ScanCodeanalyzer=no
[kavmilter.log]
LogFacility=syslog
LogOption=all
LogOption=scan.debug
[kavmilter.statistics]
TrackStatistics=none
[path]
BasesPath=/var/db/kav/bases
[kavmilter.new]
Odd=1
"""
DEFAULT = """[group.definition]
GroupName=Default
Priority=0
Senders=*@*
Recipients=*@*
[group.settings]
ScanPolicy=combined
AddXHeaders=yes
AddDisclaimer=no
[group.actions]
DefaultAction=cure
SuspiciousAction=drop
ProtectedAction=skip
ErrorAction=warn
VirusNameList=Joke.*,Eicar*
VirusNameAction=reject
[group.filter]
IncludeName=.*\\.exe,.*\\.scr
ExcludeName=setup\\.exe
FilteredNameAction=rename
IncludeMime=video/.*
FilteredMimeAction=skip
IncludeSize=10MB
ExcludeSize=50MB
FilteredSizeAction=reject
[group.notifications]
EnableNotifications=yes
NotifySender=none
NotifyRecipients=infected
NotifyRecipients=protected
NotifyAdmin=all
NotifyAdmin=discard
AdminAddresses=postmaster@example.org
PostmasterAddress=virus@example.org
RejectReply=Message rejected because it contains malware
Charset=us-ascii
[group.backup]
BackupPolicy=info
BackupOption=deleted,rejected
BackupDir=/var/backup/kav
"""
SALES = """[group.definition]
GroupName=sales
Priority=10
Recipients=*@sales.example
Recipients=re:.*@shop[0-9]\\.example
[group.settings]
AddDisclaimer=no
[group.actions]
DefaultAction=delete
SuspiciousAction=skip
VirusNameList=Worm*
VirusNameAction=drop
[group.backup]
BackupPolicy=message
"""
LAB = "[group.definition]\nGroupName=lab\nSenders=lab@*\n[group.actions]\nDefaultAction=noscan\n"


def run(*args):
    """-> (exit code, output, what was left)"""
    done = subprocess.run([program("postern"), "import", *args], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr


def write(site, name, text):
    path = os.path.join(site, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="latin1") as f:
        f.write(text)
    return path


def settings(site, text):
    """Our own reader's view: name -> value, of what is not a default."""
    path = write(site, "out.yaml", text)
    done = subprocess.run([program("postern"), "config", "--json", "--config", path],
                          text=True, stdout=subprocess.PIPE, check=True)
    read = [json.loads(line) for line in done.stdout.splitlines()]
    return {s["name"]: s["value"] for s in read if s["origin"] != "default"}


def test_kavmilter_with_groups(site):
    conf = write(site, "kavmilter.conf", KAV)
    for name, text in (("default", DEFAULT), ("sales", SALES), ("lab", LAB)):
        write(site, f"groups.d/{name}.conf", text)
    code, said, left = run("kavmilter", conf)
    assert code == 1
    got = settings(site, said)
    group = {got[f"virus.groups[{i}].name"]: f"virus.groups[{i}]." for i in (0, 1)}
    sales, lab = group["sales"], group["lab"]
    expected = {
        "log.facility": "mail", "log.level": "debug",
        "virus.socket": "inet:1052@localhost", "virus.temp_dir": "/var/tmp",
        "virus.limits.scan_time": "10s", "virus.actions.infected": "strip",
        "virus.actions.suspicious": "discard", "virus.actions.protected": "accept",
        "virus.actions.error": "strip", "virus.headers.anti_virus": "X-Anti-Virus",
        "virus.reject_text": "Message rejected because it contains malware",
        sales + "name": "sales", sales + "priority": 10, sales + "infected": "strip",
        sales + "suspicious": "accept", sales + "disclaimer": False,
        sales + "recipients": ["*@sales.example", "re:.*@shop[0-9]\\.example"],
        lab + "name": "lab", lab + "senders": ["lab@*"],
        "virus.attachments[0].name": ["re:.*\\.exe", "re:.*\\.scr"],
        "virus.attachments[0].except": ["re:setup\\.exe"],
        "virus.attachments[0].action": "rename", "virus.attachments[0].inside": False,
        "virus.attachments[1].larger": "10M", "virus.attachments[1].action": "reject",
        "virus.attachments[1].smaller": "50M",
        "virus.attachments[1].inside": False,
        "virus.notify.admin": ["all"], "virus.notify.recipients": ["infected", "protected"],
        "virus.notify.admins": ["postmaster@example.org"],
        "virus.notify.from": "virus@example.org",
        "virus.quarantine.folder": "/var/backup/kav", "virus.quarantine.what": "info",
        "virus.quarantine.copies": ["strip", "reject"]}
    for match, action, of in (("Joke.*", "reject", None), ("Eicar*", "reject", None),
                              ("Worm*", "discard", "sales")):
        i = [n for n in range(3) if got[f"virus.signatures[{n}].match"] == match][0]
        expected |= {f"virus.signatures[{i}].match": match,
                     f"virus.signatures[{i}].action": action}
        if of:
            expected[f"virus.signatures[{i}].group"] = of
    assert got == expected
    # Each line that is not in it is named, with its place.
    for line, key in ((3, "RunAsUid=kav"), (5, "MilterTimeout=600"), (9, "AlertThreshold"),
                      (11, "MaxScanRequests=0"), (14, "ScanCodeanalyzer=no"),
                      (22, "BasesPath="), (24, "Odd=1: unknown here")):
        assert f"{conf}:{line}: {key}" in left
    assert re.search(r"default.conf:\d+: DefaultAction=cure: libclamav cannot", left)
    assert re.search(r"default.conf:\d+: Charset=us-ascii: ", left)
    assert "lab.conf:5: DefaultAction=noscan: anybody can write that sender" in left
    assert re.search(r"sales.conf:\d+: BackupPolicy=message: ", left)
    assert f"{conf}:4" in said      # where a value is from


def test_templates_of_kavmilter(site):
    """The disclaimer is carried over; of the others it is said what to do."""
    conf = write(site, "k.conf", "[kavmilter.global]\n")
    group = write(site, "groups.d/default.conf",
                  "[group.definition]\nGroupName=Default\n[group.settings]\n"
                  "AddDisclaimer=yes\n[group.filter]\nExcludeSize=1MB\n"
                  "FilteredSizeAction=delete\n[group.notifications]\n"
                  "UseCustomTemplates=yes\nAdminSubject=Virus!\nMessageDir=/var/kav\n")
    write(site, "templates/message_disclaimer", "# remark\nScanned here.\nNo warranty.\n")
    code, said, left = run("kavmilter", "--templates", site + "/templates", conf)
    got = settings(site, said)
    assert got["virus.disclaimer.text"] == "Scanned here. No warranty."
    assert (got["virus.attachments[0].smaller"], got["virus.attachments[0].action"]) == (
        "1M", "strip")
    assert code == 1 and "AddDisclaimer" not in left and "ExcludeSize" not in left
    for line, key, why in ((9, "UseCustomTemplates=yes", "message_admin_notify"),
                           (10, "AdminSubject=Virus!", "`Subject: Virus!'"),
                           (11, "MessageDir=/var/kav", "virus.notify.templates")):
        assert re.search(rf"(?m)^{re.escape(group)}:{line}: {key}: .*{re.escape(why)}", left)
    code, said, left = run("kavmilter", conf)
    assert "virus.disclaimer.text" not in settings(site, said)
    assert f"{group}:4: AddDisclaimer=yes: copy the text" in left
    assert run("kavmilter", "--templates", site + "/none", conf)[0] == 66


def every_key_of_the_sample():
    """clamav-milter.conf as Debian ships it, each example in force."""
    with open(server("clamav", "usr/share/doc/clamav-milter/examples/"
                     "clamav-milter.conf.sample"), encoding="latin1") as f:
        return re.sub(r"(?m)^#(?=[A-Z][A-Za-z]+( |$)(?!.* [a-z]+ [a-z]+ ))", "", f.read())


def test_clamav_milter(site):
    allow = write(site, "allowed", "From:^boss@example\\.org$\nTo:abuse@\n!To:x@\n")
    text = every_key_of_the_sample().replace("/etc/allowed_addresses", allow)
    conf = write(site, "clamav-milter.conf", text)
    code, said, left = run("clamav-milter", conf)
    assert code == 1
    assert "unknown here" not in left
    got = settings(site, said)
    for name, value in {
            "virus.socket": "inet:7357", "virus.engine": "clamd",
            "virus.clamd.servers": ["inet:7357@scanner.mydomain",
                                    "unix:/run/clamav/clamd.sock"],
            "virus.clamd.timeout": "5m", "virus.socket_group": "virusgroup",
            "virus.max_message": "10M", "virus.actions.oversize": "accept",
            "virus.actions.infected": "quarantine", "virus.actions.error": "tempfail",
            "log.facility": "mail", "log.level": "debug",
            "virus.pid_file": "/run/clamav/clamav-milter.pid"}.items():
        assert got[name] == value, name
    assert "192.168.0.0/24" in got["virus.skip.networks"]
    assert "127.0.0.0/8" in got["virus.skip.networks"]
    groups = {got[f"virus.groups[{i}].name"]: i for i in range(2)}
    assert groups.keys() == {"skip-authenticated", "allowed-2"}
    assert got[f"virus.groups[{groups['allowed-2']}].recipients"] == ["re:.*(abuse@).*"]
    assert f"{allow}:1: AllowList=From:^boss@example\\.org$: anybody can write" in left
    assert f"{allow}:3: AllowList=!To:x@: " in left
    for key in ("Example", "User", "VirusAction", "LogFile", "Chroot", "ReportHostname"):
        assert re.search(rf"(?m)^{re.escape(conf)}:\d+: {key}=", left), key


def test_what_clamav_milter_does_by_default_is_said(site):
    conf = write(site, "c.conf", "ClamdSocket tcp:[::1]:3310\nOnInfected Blackhole\n"
                                 "AddHeader No\nOnFail Explode\n")
    code, said, left = run("clamav-milter", conf)
    assert code == 1
    got = settings(site, said)
    assert got["virus.clamd.servers"] == ["inet6:3310@::1"]
    assert got["virus.actions.infected"] == "discard"
    assert (got["virus.max_message"], got["virus.actions.oversize"]) == ("25M", "accept")
    assert got["virus.headers.status"] == ""
    assert f"{conf}:4: OnFail=Explode: virus.actions.error: " in left
    assert f"# {conf} (default)" in said
    bare = write(site, "d.conf", "ClamdSocket tcp:[::1]:3310\nFixStaleSocket no\n")
    _, said, left = run("clamav-milter", bare)
    assert settings(site, said)["virus.headers.status"] == ""
    assert f"{bare}:2: FixStaleSocket=no: " in left


def test_pop_before_smtp(site):
    conf = write(site, "pop-before-smtp-conf.pl", """\
use vars qw($pat $grace
    %file_tail);
# $grace = 1;
$grace = 15*60;     # kept
$file_tail{'name'} = '/var/log/mail.log';
$debug = 1;
$dbfile = '/etc/postfix/pop-before-smtp';
@mynets = qw(192.0.2.0/24 10.0.0.0/8);
$pat = '^(... .. ..:..:..) \\S+ dovecot: (?:imap|pop3)-login: ' .
    'Login: user=.* rip=(\\d+\\.\\d+\\.\\d+\\.\\d+)';
if (!-f $file_tail{'name'}) {
    $file_tail{'name'} = '/var/log/messages';
}
sub mynet_sendmail { return; }
1;
""".replace("     # kept", ""))
    code, said, left = run("pop-before-smtp", conf)
    assert code == 1
    assert settings(site, said) == {
        "relay.relayers.window": "15m", "log.level": "debug",
        "relay.relayers.protect": ["192.0.2.0/24", "10.0.0.0/8"],
        "relay.login.follow[0].file": "/var/log/mail.log",
        "relay.login.follow[0].format": "dovecot"}
    assert f"{conf}:7: $dbfile='/etc/postfix/pop-before-smtp': " in left
    assert f"{conf}:11: code=if (!-f" in left and f"{conf}:14: code=sub" in left


@pytest.mark.parametrize("line,window", [("", "30m"), ("$grace = 3600;", "1h"),
                                         ("$grace = time();", "30m")])
def test_how_long_a_login_counts(site, line, window):
    conf = write(site, "c.pl", line + "\n1;\n")
    code, said, left = run("pop-before-smtp", conf)
    assert settings(site, said) == {"relay.relayers.window": window}
    assert code == (1 if "time" in line else 0) and ("time()" in left) == bool(code)


@pytest.mark.parametrize("kind", ["btree", "hash"])
def test_the_map_of_drac(site, kind):
    makemap(site + "/dracd", "192.0.2.4\t906502527\n2001:db8::7\t906502528\n"
                             "198.51.100.9\tok\nrubbish\tok\n203.0.113.1\tnever\n", kind)
    code, said, left = run("map", site + "/dracd.db")
    assert code == 1
    lines = dict(line.split("\t") for line in said.splitlines())
    assert lines["192.0.2.4"] == "906502527"
    assert lines["ipv6:2001:db8:0:0:0:0:0:7"] == "906502528"
    assert int(lines["198.51.100.9"]) > 1700000000
    assert len(lines) == 3
    assert "rubbish=ok: not an address" in left and "203.0.113.1=never" in left
    # vsmtprelay takes it over.
    path = write(site, "entries", said)
    done = subprocess.run([program("vsmtprelay"), "-f", site + "/relayers.db", "import",
                           path], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    dumped = subprocess.run([program("vsmtprelay"), "-f", site + "/relayers.db", "dump"],
                            stdout=subprocess.PIPE, text=True).stdout
    assert "192.0.2.4\t906502527" in dumped


def test_what_cannot_be_read(site):
    assert run("kavmilter", site + "/none")[0] == 66
    assert run("map", site + "/none.db")[0] == 66
    assert run("exim", site)[0] == 64
    conf = write(site, "k.conf", "[kavmilter.global]\n")
    code, _, errors = run("kavmilter", "--groups", site + "/nowhere", conf)
    assert code == 66 and "no *.conf there" in errors
    missing = write(site, "m.conf", f"AllowList {site}/none\n")
    assert run("clamav-milter", missing)[0] == 66
