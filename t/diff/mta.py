"""Asks real sendmail what it does with a case of cases.py: its rulesets in
test mode (`sendmail -bt`), or its daemon by SMTP."""
import os
import re
import subprocess

from harness import dns, net, smtp
from harness.sendmail import CF_DIR, SASLPASSWD, SENDMAIL, makemap

# FEATUREs and their m4; `{dir}` is the folder with the maps.
M4 = {
    "access_db": "FEATURE(`access_db', `hash -o -T<TMPF> {dir}/access'{options})",
    "drac": "FEATURE(`drac', `hash -o {dir}/relayers')",
    "mail_macro": "define(`_FFR_MAIL_MACRO', `1')",
    "ratecontrol:terminate": "FEATURE(`ratecontrol', , `terminate')",
    "conncontrol:terminate": "FEATURE(`conncontrol', , `terminate')",
}
ACCESS_OPTIONS = {"access_skip": "skip", "lookupdotdomain": "lookupdotdomain",
                  "relaytofulladdress": "relaytofulladdress"}
# Hooks that look the client up in a plain map of logins.
HOOKS = {"relayers_auth": "Local_Relay_Auth", "relayers_rcpt": "Local_check_rcpt"}
HEAD = """divert(-1)
divert(0)dnl
define(`MAIL_SETTINGS_DIR', `{dir}/')dnl
define(`_USE_ETC_MAIL_')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit,GroupReadableSASLDBFile')dnl
VERSIONID(`diff')
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{domain}')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/service.switch')dnl
define(`QUEUE_DIR', `{dir}/mqueue')dnl
define(`HELP_FILE', `{dir}/helpfile')dnl
define(`ALIAS_FILE', `')dnl
define(`STATUS_FILE', `')dnl
define(`confPID_FILE', `{dir}/sendmail.pid')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confBIND_OPTS', `-DNSRCH -DEFNAMES')dnl
define(`confTO_RESOLVER_RETRANS', `1s')dnl
define(`confTO_RESOLVER_RETRY', `1')dnl
define(`confTO_IDENT', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confDELIVERY_MODE', `queueonly')dnl
define(`confSAFE_QUEUE', `False')dnl
define(`confMIN_FREE_BLOCKS', `0')dnl
define(`confPRIVACY_FLAGS', `')dnl
"""
TAIL = """FEATURE(`use_cw_file')dnl
FEATURE(`no_default_msa')dnl
MODIFY_MAILER_FLAGS(`LOCAL', `-w')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={port}')dnl
DAEMON_OPTIONS(`Name=MTA6, Family=inet6, Addr=::1, Port={port}')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
ESASL_CONF_PATH={sasl}
"""
MAP = "Krelayers hash -o {dir}/relayers\n"
# Two: the arguments `a $| b`, as the daemon passes them, from a typed line.
RULES = "LOCAL_RULESETS\nSTwo\nR$* $$| $*\t$: $1 $| $2\n"
HOOK = """S{hook}
R$*\t$: <?> $(relayers $&{{client_addr}} $: NO $)
R<?> NO\t$@ CONTINUE
R<?> $+\t$# RELAY
"""
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?= )")


def feature_m4(name, options):
    words = name.split(":")
    line = M4.get(name) or "FEATURE(" + ", ".join(f"`{w}'" for w in words) + ")"
    return line.replace("{options}", options) + "dnl\n"


def mc_text(config):
    """The .mc file of a configuration, with {dir}, {port}, {sasl} to fill in."""
    features = config["features"]
    options = "".join(f", `{ACCESS_OPTIONS[f]}'" for f in features
                      if f in ACCESS_OPTIONS)
    first = [f for f in features if f == "mail_macro"]
    # other features look whether these two are there
    order = sorted((f for f in features if f not in ACCESS_OPTIONS
                    and f not in HOOKS and f not in first),
                   key=lambda f: (not f.startswith("delay"), f != "access_db"))
    out = HEAD + "".join(feature_m4(f, "") for f in first)
    if config["trust_auth"]:
        out += "define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl\n"
        out += f"TRUST_AUTH_MECH(`{' '.join(config['trust_auth'])}')dnl\n"
    out += "".join(feature_m4(f, options) for f in order) + TAIL
    hooks = [HOOKS[f] for f in features if f in HOOKS]
    return out + MAP * bool(hooks) + RULES + "".join(HOOK.format(hook=h) for h in hooks)


def sasl_folder(base, domain):
    """A password file in which alice, of this domain, has the password."""
    folder = os.path.join(base, "sasl-" + domain)
    if not os.path.isdir(folder):
        os.makedirs(folder)
        with open(folder + "/Sendmail.conf", "w") as f:
            f.write("pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                    f"sasldb_path: {folder}/sasldb2\nmech_list: PLAIN LOGIN\n")
        subprocess.run([SASLPASSWD, "-p", "-c", "-f", folder + "/sasldb2", "-u", domain,
                        "alice"], input=b"password", check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.chmod(folder + "/sasldb2", 0o600)
    return folder


class Site:
    """A folder with what one configuration needs, but for the maps."""

    def __init__(self, base, number, config):
        self.dir = os.path.join(base, f"site{number}")
        self.port = net.free_port()
        os.makedirs(self.dir + "/mqueue", mode=0o700)
        self.write("service.switch", "hosts files dns\naliases files\npasswd files\n")
        self.write("helpfile", "")
        for name in ("local_host_names", "relay_domains"):
            self.write(name.replace("_", "-"), "".join(w + "\n" for w in config[name]))
        text = mc_text(config)
        for key, value in {"dir": self.dir, "port": self.port, "domain": config["domain"],
                           "sasl": sasl_folder(base, config["domain"])}.items():
            text = text.replace("{%s}" % key, str(value))
        self.write("diff.mc", text)
        made = subprocess.run(["m4", "-D_CF_DIR_=" + CF_DIR, CF_DIR + "m4/cf.m4",
                               self.dir + "/diff.mc"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=True)
        if b"ERROR" in made.stderr:
            raise RuntimeError(made.stderr.decode())
        self.cf = self.write("sendmail.cf", made.stdout.decode("latin1"))

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="latin1") as f:
            f.write(text)
        return path

    def set_maps(self, config):
        makemap(self.dir + "/access", config["access"])
        if config.get("relayers"):
            makemap(self.dir + "/relayers", config["relayers"])
        elif os.path.exists(self.dir + "/relayers.db"):
            os.unlink(self.dir + "/relayers.db")


def tell_dns(server, case):
    """Makes the DNS server answer as the case has it."""
    server.forget()
    for name, what in case["dns"].items():
        server.set_status(name, dns.SERVFAIL if what == "temp" else dns.NXDOMAIN)
    client = case.get("client")
    if client and client["addr"]:
        server.client(client["addr"], client.get("name"), client["resolve"])


# ---------------------------------------------------------------- test mode

def written(tokens, blank=" "):
    """Tokens as one text, as sendmail writes them in a reply."""
    out, after_word = "", False
    for token in tokens:
        word = token[0] not in '()<>,;"\r\n.:%@!^/[]+'
        out += (blank if after_word and word else "") + token
        after_word = word
    return out


def reply_of(tokens):
    """What becomes of the result of a ruleset."""
    if len(tokens) < 2 or tokens[0] != "$#" or tokens[1].lower() not in ("error", "discard"):
        return {"action": "ok"}
    if tokens[1].lower() == "discard":
        return {"action": "discard"}
    colon = tokens.index("$:")
    dsn = written(tokens[3:colon], ".") if tokens[2] == "$@" else ""
    text = written(tokens[colon + 1:])
    if dsn == "quarantine":
        return {"action": "quarantine", "text": text}
    text = re.sub(r'\\(.)|"', lambda m: m.group(1) or "", text)
    if not re.match(r"[245]\d\d ", text):
        return {"action": "reject", "code": 553, "dsn": "5.3.0", "text": text}
    code, text = int(text[:3]), text[4:]
    own = ENHANCED.match(text)
    if own:
        dsn, text = own.group(), text[own.end() + 1:]
    elif not ENHANCED.match(dsn + " "):
        dsn = f"{code // 100}.0.0"
    return {"action": "tempfail" if code < 500 else "reject", "code": code, "dsn": dsn,
            "text": text}


class TestMode:
    """One `sendmail -bt`; it has the maps open that are there now."""
    __test__ = False    # no test class of pytest

    def __init__(self, site):
        self.process = subprocess.Popen(
            [SENDMAIL, "-bt", "-C", site.cf], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.marks = 0
        self.say()    # it has looked for its own name then

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)

    def say(self, *lines):
        """-> the lines it prints."""
        self.marks += 1
        mark = f"mark-{self.marks}-end"
        text = "\n".join([*lines, ".D{mark}" + mark, "${mark}", ""])
        self.process.stdin.write(text.encode("latin1", "replace"))
        self.process.stdin.flush()
        out = []
        while not out or mark not in out[-1]:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("sendmail -bt ended: " + "\n".join(out[-5:]))
            out.append(line.decode("latin1").rstrip("\n"))
        return [re.sub(r"^(> )+", "", line) for line in out[:-1]]

    def call(self, ruleset, text):
        """-> (tokens of the result, keys of access.db asked for)"""
        tokens, keys = [], []
        for line in self.say("-d38.20", f"{ruleset} {text}", "-d38.0"):
            result = re.match(r".{16} returns:(.*)", line)
            key = re.fullmatch(r"db_map_lookup\(access, (.*)\)", line)
            if result:
                tokens = re.findall(r'"(?:[^"\\]|\\.)*"|\S+', result.group(1))
            elif key:
                keys.append(key.group(1).lower())
        return tokens, keys

    def lookup(self, case):
        tokens, keys = self.call(
            case["fn"], f"<{case['key']}> <?> <{case['mark']} {case['tag']}> <>")
        found = tokens[:2] != ["<", "?"] and tokens
        return {"value": written(tokens[1:-3]) if found else None, "probes": keys}

    def decision(self, case):
        client, mail = case["client"], case["mail"]
        macros = client_macros(case)
        macros["mail_from"] = mail
        self.say(*(f".D{{{name}}}{value}" for name, value in macros.items()),
                 "/sender " + mail)
        answer, verdict, stage, keys = {}, "accept", "rcpt", []
        for name, ruleset, text in (
                ("connect", "Two,check_relay",
                 f"{macros['client_name']} $| {macros['client_addr']}"),
                ("mail", "check_mail", mail), ("rcpt", "check_rcpt", case["rcpt"])):
            tokens, asked = self.call(ruleset, text)
            keys += [f"{name} {key}" for key in asked]
            answer[name] = reply_of(tokens)
            action = answer[name]["action"]
            if action in ("reject", "tempfail"):
                verdict, stage = action, name
                break
            if action != "ok" and verdict != "discard":
                verdict, stage = action, name
        return {**answer, "verdict": verdict, "stage": stage, "probes": keys}

    def ask(self, case):
        return getattr(self, case["kind"])(case)


def client_macros(case):
    """The macros that the daemon sets for a client."""
    from cases import sendmail_address
    client = case["client"]
    addr = sendmail_address(client["addr"])
    literal = f"[{addr}]"
    name = client.get("name") or literal
    return {"client_addr": addr, "client_resolve": client["resolve"],
            "client_name": name if client["resolve"] == "OK" else literal,
            "client_ptr": name, "client_rate": client.get("rate", 1),
            "client_connections": client.get("connections", 1), "deliveryMode": "q",
            "auth_type": "PLAIN" if case.get("auth") else "",
            "auth_authen": case.get("auth", ""), "auth_ssf": "",
            **{m: case.get(m, "") for m in ("verify", "cipher_bits", "cert_issuer",
                                            "cert_subject", "cn_subject", "daemon_flags")}}


# --------------------------------------------------------------- real SMTP

class Daemon:
    def __init__(self, site):
        self.site = site
        self.process = subprocess.Popen([SENDMAIL, "-bD", "-C", site.cf],
                                        stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        net.wait_listening(site.port, self.process)

    def close(self):
        self.process.terminate()
        self.process.wait(10)

    def ask(self, case):
        """-> what the client is told, and what is in the queue then."""
        with smtp.Client(self.site.port, case["client"]["addr"]) as client:
            if client.greeting.code == 421:
                return {"verdict": "tempfail", "stage": "connect",
                        "connect": smtp_reply(client.greeting)}
            client("EHLO client.example")
            if case.get("auth") and case["config"]["trust_auth"]:
                login = client.login("alice", "password")
                if login.code != 235:
                    return {"verdict": smtp_reply(login)["action"], "stage": "mail",
                            "mail": smtp_reply(login)}
            for stage, line in (("mail", "MAIL FROM:" + case["mail"]),
                                ("rcpt", "RCPT TO:" + case["rcpt"])):
                reply = client(line)
                if reply.code >= 400:
                    said = smtp_reply(reply)
                    return {"verdict": said["action"], "stage": stage, stage: said}
            client("DATA")
            client("Subject: diff\r\n\r\nbody\r\n.")
        return self.queued()

    def queued(self):
        """What became of the message; empties the queue."""
        folder = self.site.dir + "/mqueue"
        verdict, reason = "discard", None
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name.startswith("hf"):
                verdict = "quarantine"
                with open(path, encoding="latin1") as f:
                    reason = [line[1:-1] for line in f if line.startswith("q")][0]
            elif name.startswith("qf"):
                verdict = "accept"
            os.unlink(path)
        return {"verdict": verdict, "stage": "rcpt", "reason": reason}


def smtp_reply(reply):
    text = reply.split("\n")[-1][4:]
    enhanced = ENHANCED.match(text)
    if enhanced:
        text = text[enhanced.end() + 1:]
    text = re.sub(r"^<.*?>\.\.\. |^\S+\.\.\. ", "", text)
    return {"action": "tempfail" if reply.code < 500 else "reject", "code": reply.code,
            "dsn": enhanced.group() if enhanced else None, "text": text}
