"""Maps, lists and addresses made up at random, and where mail for them goes
by real sendmail and by postern explain."""
import json
import os
import re
import subprocess

from harness import net, program
from harness.sendmail import SENDMAIL, Sendmail, makemap

NAMES = ("alice", "bob", "ghost", "gina", "harry", "ivan", "olga",
         "list", "sales", "info", "postmaster", "nobody1", "x.y", "owner-list", "team")
LOCAL = ("example.org", "mx.example.org", "localhost", "EXAMPLE.org")
VIRTUAL = ("virt.example", "all.example", "sub.virt.example")
FAR = ("away.example", "table.example", "host.sub.example", "sub.example", "deep.host.sub.example",
       "old.example", "[192.0.2.9]", "other", "example.org.REDIRECT")
DETAILS = ("", "", "", "+d", "+", "+a+b", "+known")

# What a .mc file may say of where mail goes.
SETTINGS = ("define(`LUSER_RELAY', `local:bob')dnl\n",
            "define(`LUSER_RELAY', `local:catch+all')dnl\n",
            "define(`LUSER_RELAY', `error:5.1.1:\"550 not at this host\"')dnl\n",
            "define(`LUSER_RELAY', `error:nouser No such user here')dnl\n",
            "define(`LUSER_RELAY', `relay:other.example')dnl\n",
            "define(`LUSER_RELAY', `other.example')dnl\n",
            "define(`MAIL_HUB', `hub.example')dnl\n",
            "define(`MAIL_HUB', `esmtp:hub.example')dnl\n",
            "define(`MAIL_HUB', `local:bob')dnl\n",
            "define(`MAIL_HUB', `error:5.3.5:\"550 no hub\"')dnl\n",
            "define(`LOCAL_RELAY', `lr.example')dnl\n",
            "define(`LOCAL_RELAY', `smtp8:[lr.example]')dnl\n",
            "define(`SMART_HOST', `smart.example')dnl\n",
            "define(`SMART_HOST', `relay:[smart.example]')dnl\n",
            "define(`SMART_HOST', `local:bob')dnl\n",
            "FEATURE(`stickyhost')dnl\n",
            "FEATURE(`preserve_luser_host')dnl\n",
            "FEATURE(`preserve_local_plus_detail')dnl\n",
            "FEATURE(`virtuser_entire_domain')dnl\n",
            "FEATURE(`nocanonify')dnl\n",
            "FEATURE(`always_add_domain')dnl\n",
            "LOCAL_USER(`root alice')dnl\n",
            "define(`BITNET_RELAY', `bit.example')dnl\n",
            "define(`UUCP_RELAY', `uucp.example')dnl\n",
            "define(`confMAX_ALIAS_RECURSION', `3')dnl\n",
            "FEATURE(`redirect')dnl\n",
            "define(`ALIAS_FILE', `{dir}/aliases, {dir}/more')dnl\n",
            "FEATURE(`local_procmail', `/bin/true')dnl\n",
            "LOCAL_RULE_0\nR$* < @ table.example . > $*\t$#esmtp $@ special $: $1\n",
            "LOCAL_RULESETS\nSLocal_localaddr\nR$* + known\t$#ok\nRghost\t$#local $: bob\n",
            "MASQUERADE_AS(`masked.example')dnl\n"
            "FEATURE(`masquerade_envelope')dnl\nFEATURE(`allmasquerade')dnl\n")
MAPS = ("FEATURE(`virtusertable', `hash {dir}/virtusertable')dnl\n"
        "FEATURE(`mailertable', `hash {dir}/mailertable')dnl\n"
        "FEATURE(`domaintable', `hash {dir}/domaintable')dnl\n"
        "VIRTUSER_DOMAIN(`virt.example all.example')dnl\n"
        "define(`confFORWARD_PATH', `$z/.forward.$w+$h:$z/.forward+$h:$z/.forward')dnl\n")


class Maker:
    """Says something else each time, the same for the same `random`."""

    def __init__(self, random, directory):
        self.random = random
        self.dir = directory

    def local_part(self):
        name = self.random.choice(NAMES)
        if self.random.random() < .15:
            name = name.upper()
        return name + self.random.choice(DETAILS)

    def address(self):
        name = self.local_part()
        kind = self.random.random()
        if kind < .3:
            return name
        if kind < .33:
            return f'"{name}"@{self.random.choice(LOCAL)}'
        if kind < .36:
            return f"{name}%{self.random.choice(FAR[:6])}@{self.random.choice(LOCAL)}"
        if kind < .38:
            return f"@{self.random.choice(LOCAL)}:{name}@{self.random.choice(LOCAL + VIRTUAL)}"
        if kind < .4:
            return f"{self.random.choice(('uuhost', 'other'))}!{name}"
        if kind < .42:
            return f"{name}@{self.random.choice(LOCAL)}."
        return f"{name}@{self.random.choice(LOCAL + VIRTUAL + FAR)}"

    def member(self):
        """One of a list of addresses."""
        kind = self.random.random()
        if kind < .7:
            return self.address()
        return self.random.choice((
            "\\alice", "\\gina", "/var/tmp/box", "/dev/null", '"|/bin/cat x"', "|/bin/cat",
            f":include:{self.dir}/members", f'":include:{self.dir}/open"',
            f":include:{self.dir}/none", "bob (Bob, him)", "Bob <bob@example.org>",
            '"|/bin/sh -c \\"a b\\", c"', "\"/var/tmp/b x\"", "<alice>", "\"\\alice\""))

    def members(self):
        return ", ".join(self.member() for _ in range(self.random.randint(1, 3)))

    def aliases(self):
        names = dict.fromkeys(self.random.choice((
            "list", "sales", "info", "team", "postmaster", "alice", "bob+*", "bob+known",
            "alice+*", "owner-list", "gina", "x.y", "catch", "nobody1", "harry+d"))
            for _ in range(8))
        return "".join(f"{name}: {self.members()}\n" for name in names)

    def virtual_value(self):
        kind = self.random.random()
        if kind < .25:
            return self.random.choice((
                "error:nouser 550 no such person", "error:5.7.0:550 closed for the day",
                "error:nouser No such user", "error:4.2.1:450 come again", "error:5.1.1:550 5.1.1 no",
                "error:tempfail 451 4.7.1 wait", "error:D.S.N:550 odd", "error:unavailable"))
        if kind < .6:
            return self.random.choice((
                "%1@else.example", "%1%3@else.example", "%1+%2", "%2@example.org", "%1", "bob%3",
                "100%%@else.example", "%1@example.org", "%1@virt.example", "a.%1"))
        return self.address()

    def virtusertable(self):
        domains = [d.lower() for d in LOCAL[:1] + VIRTUAL]
        keys = dict.fromkeys(self.random.choice(("", "", "+*", "++", "list", "alice", "alice+*",
                                                 "alice++", "bob+d", "sales", "x.y", "team+*"))
                             + "@" + self.random.choice(domains) for _ in range(8))
        return "".join(f"{key}\t{self.virtual_value()}\n" for key in keys)

    def mailertable(self):
        keys = dict.fromkeys(self.random.choice((
            "table.example", ".sub.example", "sub.example", "host.sub.example", ".example",
            "away.example", "virt.example", "all.example", ".", "[192.0.2.9]", "new.example"))
            for _ in range(4))
        values = ("esmtp:[mail.table.example]", "relay:hub.example", "local:bob", "local:",
                  "error:nouser 550 no mail here", "error:5.1.2:550 go away", "smtp:%1.in.example",
                  "error:5.1.2:go", "hub.example", "smtp:a.example:b.example", "relay:user@hub.example",
                  "dsmtp:[192.0.2.7]", "discard:", "nosuch:hub.example", "esmtp:%0.x.example")
        return "".join(f"{key}\t{self.random.choice(values)}\n" for key in keys)

    def domaintable(self):
        return "".join(f"{key}\t{self.random.choice(('example.org', 'new.example', 'virt.example'))}\n"
                       for key in ("old.example", "other", "older.virt.example")
                       if self.random.random() < .5)

    def settings(self):
        some = self.random.sample(SETTINGS, self.random.randint(0, 3))
        return "".join(sorted(some, key=lambda text: text.startswith("LOCAL_RU")))


def made_up(random, directory):
    """A configuration with maps of which nobody has thought."""
    mc = Maker(random, directory).settings()
    mta = Sendmail(directory, mc=MAPS + mc)
    maker = Maker(random, mta.dir)
    for name in ("virtusertable", "mailertable", "domaintable"):
        text = getattr(maker, name)()
        mta.write(name, text)
        makemap(mta.dir + "/" + name, text)
    mta.write("aliases", maker.aliases())
    mta.write("more", maker.aliases())
    mta.write("members", "bob\n# nobody\n  far@away.example, harry #@# not he\n|/bin/cat\n")
    mta.write("open", "/var/tmp/box\nalice\n", 0o666)
    with_logins(mta)
    return mta, maker, mc


def with_logins(mta):
    """Its local mailer asks whether a user exists, as it does by default."""
    with_people()
    with open(mta.cf, encoding="latin1") as f:
        text = f.read()
    mta.write("sendmail.cf", re.sub(r"(?m)^(Mlocal,.*F=)", r"\1w", text))
    subprocess.run([SENDMAIL, "-C", mta.cf, "-bi"], check=True, stdout=subprocess.DEVNULL)


# Told of what is mended, not of where the mail goes.
NOISE = re.compile(r"Unbalanced|duplicate suppressed|\(warning\)")


def by_sendmail(mta, address):
    """-> {(mailer, host, user or error)}"""
    done = subprocess.run([SENDMAIL, "-C", mta.cf, "-bv", "--", address], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    found = set()
    for line in done.stdout.splitlines():
        good = re.search(r"\.\.\. deliverable: mailer (\S+?), (?:host (\S+?), )?user (.*)", line)
        if good and good[1] == "*error*":
            continue  # waits; the error has been told
        if good:
            found.add((good[1], (good[2] or "").rstrip("."), plain(good[1], good[3])))
        elif line and not NOISE.search(line):
            found.add(("error", "", re.sub(r"^.*\.\.\. |^/\S*: line \d+: ", "", line)))
    return found


def plain(mailer, user):
    """As it is handed to a local program: without quotes."""
    if mailer in ("local", "prog", "*file*"):
        return re.sub(r'\\(.)', r'\1', user.replace('\\"', "\0").replace('"', "")
                      .replace("\0", '\\"'))
    return user


def explain(mta, address, *args):
    done = subprocess.run([program("postern"), "explain", "--json", "--mail-dir", mta.dir,
                           "--rcpt", address, *args], text=True, stdout=subprocess.PIPE)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def by_us(mta, address):
    flow = explain(mta, address)["flow"]
    if "error" in flow:
        return {("unknown", "", flow["error"])}
    return {(d["mailer"], d["host"], d["text"] or d["user"]) for d in flow["deliveries"]}


# People with .forward files: user -> (shell, {file: text}).
PEOPLE = {
    "alice": ("", {}),
    "bob": ("", {".forward": ""}),
    "gina": ("/bin/sh", {".forward": "\\gina, far@away.example\n# remark\n\"|/bin/cat >x\"\n",
                         ".forward+work": "bob\n", ".forward+known": "bob\n"}),
    "harry": ("/bin/sh", {".forward": "alice\nbob, harry\n",
                          ".forward+d": "ghost, sales@example.org\n"}),
    "ivan": ("/bin/sh", {".forward": "far@away.example\n"}),
    "olga": ("/bin/false", {".forward": "|/bin/cat, /var/tmp/olga, bob\n"}),
}
NUMBER = 2010


def with_people():
    """They live in /home of the test's own."""
    if os.path.ismount("/home"):
        return
    net.own_tree("/home")
    for name, (shell, files) in PEOPLE.items():
        number = net.USERS.get(name, NUMBER)
        if shell:
            with open("/etc/passwd", "a", encoding="ascii") as f:
                f.write(f"{name}:x:{number}:{number}::/home/{name}:{shell}\n")
        os.makedirs(f"/home/{name}", exist_ok=True)
        os.chown(f"/home/{name}", number, number)
        for file, text in files.items():
            with open(f"/home/{name}/{file}", "w", encoding="ascii") as f:
                f.write(text)
            os.chown(f"/home/{name}/{file}", number, number)
    os.chmod("/home/ivan/.forward", 0o666)
