"""Random cases for the comparison with real sendmail.

A case is what `postern explain --batch` reads: see postern(8), BATCH CASES.
The same seed gives the same cases.
"""
import ipaddress
import random

from words import (ADDRESSES, BROKEN, CHOICES, DAEMON_PATHS, DELAY, DNS, LITERALS, LOCAL, NAMES,
                   NEED_ACCESS, ODD, POP, QUOTED, RARE_ADDRESSES, RARE_LINES, RARE_LOCAL,
                   RARE_NAMES, RARE_PATHS, RARE_RELAY, RARE_VALUES, RELAYED, REMOTE, SINGLE,
                   TAGS, TEXTS, TLS, USERS, WORDS)


def sendmail_address(address):
    """As ${client_addr} has it: IPv6 tagged, all eight groups."""
    if not address:
        return ""
    ip = ipaddress.ip_address(address)
    if ip.version == 6:
        ip = ip.ipv4_mapped or ip
    if ip.version == 4:
        return str(ip)
    return "IPv6:" + ":".join(f"{int(g, 16):x}" for g in ip.exploded.split(":"))


def parents(name):
    """The name, what is behind its first dot, and so on; then with the dot."""
    labels = name.split(".")
    tails = [".".join(labels[n:]) for n in range(len(labels))]
    return tails + ["." + tail for tail in tails[1:]]


class Cases:
    """Makes cases.  With `real` only such as a real client can be: its name
    can be looked up both ways by the rules of harness.dns."""

    def __init__(self, seed, real=False):
        self.random = random.Random(seed)
        self.pick = self.random.choice
        self.real = real
        # sendmail hands a refusal with another code on to the client as it
        # is, and a % in the text of Connect: through printf
        self.texts = [t for t in TEXTS if not real or t[0] not in "26" and "%" not in t]
        self.names = [n for n in NAMES if not real or
                      n != "localhost" and not n.endswith(".invalid")]

    def chance(self, p):
        return self.random.random() < p

    def rare(self, p):
        """Whether to take a form that only -bt is asked about."""
        return not self.real and self.chance(p)

    # -- configurations

    def features(self):
        got = [f for f in SINGLE if self.chance(0.22)]
        got += [self.pick(c) for c in CHOICES if self.chance(0.18)]
        if self.chance(0.4):
            got.append(self.pick(DELAY))
        delayed = any(f.startswith("delay") for f in got)
        got += [f for f in POP if self.chance(0.15)]
        for control in ("ratecontrol", "conncontrol"):
            if self.chance(0.15):
                got.append(control + self.pick(["", ":terminate"]))
                if delayed and self.chance(0.4):
                    got.append(control + ":nodelay")
        if self.chance(0.04):
            got.append("promiscuous_relay")
        if self.chance(0.95):
            got.append("access_db")
        else:
            got = [f for f in got if f not in NEED_ACCESS and "control" not in f
                   and ":friend" not in f and ":hater" not in f]
        self.random.shuffle(got)
        return got

    def some(self, pool, most):
        return self.random.sample(pool, self.random.randint(0, most))

    def config(self):
        self.dns = dict(DNS)
        if self.rare(0.3):
            self.dns.update((n, self.pick(["nx", "temp"])) for n in self.some(REMOTE + NAMES, 4))
        local = self.some(LOCAL, 3)
        relay = self.some(RELAYED + ["192.0.2", "IPv6:2001:db8:1", "[192.0.2.4]",
                                     "UUCP", ".example.com", "10"], 3)
        if self.chance(0.2):
            local += ["[192.0.2.4]", "[192.0.2.99]", "# remark", "two.example words"]
        if self.rare(0.3):
            local += self.some(RARE_LOCAL, 4)
            relay += self.some(RARE_RELAY, 4)
        return {"features": self.features(), "local_host_names": local,
                "relay_domains": relay,
                "trust_auth": self.pick([[], ["GSSAPI PLAIN"], ["PLAIN"], ["LOGIN"],
                                         ["PLAIN", "LOGIN"]]),
                "domain": self.pick(["mx.example.org"] * 3 + ["gw.corp.example"])
                if not self.rare(0.1) else self.pick(["MX.Example.ORG", "a.b.example.org"])}

    # -- access.db

    def value(self, tag=""):
        roll = self.random.random()
        if tag == "TLS_Clt" and roll < 0.8:
            return self.pick(TLS)
        if tag in ("ClientRate", "ClientConn") and roll < 0.7:
            return self.pick(["0", "1", "2", "10", "x"])
        if tag == "Spam" and roll < 0.8:
            return self.pick(["FRIEND", "HATER", "friend"])
        if self.rare(0.15):
            return self.pick(RARE_VALUES)
        if roll < 0.5:
            return self.pick(WORDS[:5])
        if roll < 0.6:
            return self.pick(WORDS)
        if roll < 0.75:
            return self.pick(self.texts)
        if roll < 0.9:
            return "ERROR:" + self.pick(["", "5.7.1:", "4.2.0:", "D.S.N:",
                                         "nouser:", "5.1.1.1:", "9.9.9:"]) \
                + self.pick(self.texts)
        return self.pick(["QUARANTINE:held for  review", "quarantine:a.b",
                          "Quarantine:\"as is, kept\"", "REJECT # remark",
                          "OK x", "DISCARD:x", "RELAY (remark)", "<x>", "REJECT  "]
                         + ([] if self.real else ["550 key %0 %1 %% end", "550 50%"]))

    def keys(self, client, mail, rcpt):
        """Keys that the case may ask for, near misses and others."""
        addr = sendmail_address(client["addr"])
        sign = ":" if ":" in addr else "."
        parts = addr.split(sign)
        out = [sign.join(parts[:n]) for n in range(1, len(parts) + 1)]
        out += [f"[{addr}]", f"[{sign.join(parts[:-1])}]"]
        out += parents(client.get("name") or "")
        for path in (mail, rcpt):
            address = path.strip("<>").replace('"', "")
            user, _, domain = address.rpartition("@")
            user = user or address
            base = user.split("+")[0]
            out += [address, user + "@", base + "@", f"{base}@{domain}",
                    f"{base}+*@{domain}", base + "+*@", user]
            out += parents(domain)
        out += ["BANG_PATH", "PERCENT_HACK", ""]
        return [k.replace(" ", "_") for k in out]

    def access(self, client, mail, rcpt):
        keys = self.keys(client, mail, rcpt)
        lines = []
        for _ in range(self.random.randint(0, 9)):
            key = self.pick(keys)
            tag = self.pick(TAGS) if self.chance(0.3) else \
                self.pick(["Connect", "From", "To", "", "To", "Connect"])
            if self.chance(0.1):
                key, tag = key.upper(), tag.lower()
            if self.rare(0.06):
                key = self.pick([key + ".", "." + key, '"' + key + '"', key + "/24",
                                 key.replace(":0:0:", "::", 1), key + ":", key.replace("@", "\\@"),
                                 key[:-1], key.swapcase(), "<" + key + ">", key + "@", "@" + key])
            line = (tag + ":" if tag else "") + key
            if not line or line.startswith("#"):
                continue
            if self.chance(0.02):
                lines.append(line)            # no value: makemap complains
            lines.append(line + self.pick(["\t", " ", " \t "]) + self.value(tag))
        if self.chance(0.1):
            lines.append(self.pick(["CERTISSUER:/C=XX/CN=CA", "CertIssuer:/c=xx/cn=ca"])
                         + "\t" + self.pick(["RELAY", "SUBJECT", "OK"]))
            lines.append("CERTSUBJECT:/C=XX/CN=me\tRELAY")
            lines.append("CertOK:/C=XX/CN=CA\tOK")
        if self.rare(0.2):
            lines += self.some(RARE_LINES, 3) + self.some(lines, min(2, len(lines)))
        self.random.shuffle(lines)
        return "".join(line + "\n" for line in lines)

    def relayers(self, client):
        if self.chance(0.5):
            return ""
        key = self.pick([sendmail_address(client["addr"]), client["addr"],
                         "192.0.2.4", "192.0.2"])
        return f"{key}\t{self.pick(['1700000000', 'RELAY', 'NO', 'x y', '0'])}\n"

    # -- what the client says

    def domain(self):
        pool = self.pick([LOCAL, RELAYED, REMOTE, REMOTE, BROKEN, ODD])
        name = self.pick(pool)
        return name.upper() if self.chance(0.05) else name

    def user(self):
        return self.pick(QUOTED if self.chance(0.15) else USERS)

    def local_part(self):
        user = self.user()
        roll = self.random.random()
        if roll < 0.75:
            return user
        if roll < 0.85:
            return f"{user}%{self.domain()}"
        if roll < 0.93:
            return f"{self.domain()}!{user}"
        if roll < 0.96:
            return f"{self.domain()}!{self.domain()}!{user}"
        return f"{user}%{self.domain()}%{self.domain()}"

    def path(self, mangle, client=None):
        if self.rare(0.12):
            return self.pick(RARE_PATHS)
        if self.real and mangle and self.chance(0.05):
            return self.pick(DAEMON_PATHS)
        if client in LITERALS and self.chance(0.4):
            return f"<{self.user()}@[{sendmail_address(client)}]>"
        roll = self.random.random()
        if roll < 0.02:
            return "<>"
        if roll < 0.10:
            address = self.local_part()
        elif roll < 0.17:
            route = self.pick(["@{0}:", "@{0},@{1}:", "@{0}:@{1}:", "@[192.0.2.99]:"])
            address = route.format(self.domain(), self.domain()) \
                + f"{self.user()}@{self.domain()}"
        else:
            address = f"{self.local_part()}@{self.domain()}"
        if mangle and self.chance(0.06) and "," not in address:
            address = self.mangled(address)
        # outside of brackets, sendmail -bt takes a comma for the end, and the
        # daemon what is behind a blank for parameters
        bare = self.chance(0.05) and "," not in address \
            and not (self.real and " " in address)
        return address if bare else f"<{address}>"

    def mangled(self, address):
        """Mistakes in the form, of which sendmail tells about ten kinds."""
        at = self.random.randint(0, len(address))
        head, tail = address[:at], address[at:]
        # the daemon looks for what is not closed before it asks its rulesets
        open_ended = [] if self.real else [head + "<" + tail + ">", head + "\\" + tail]
        return self.pick([
            address + "@", "@" + address, address + "@" + self.domain(),
            address.replace(".", "..", 1), "list:;", "list:a;@" + self.domain(),
            "[" + address + "]", "<" + address + ">", "::" + address,
            address + " <" + self.user() + "@" + self.domain() + ">",
            head + '"' + tail + '"', "a@b@" + address,
            "@@" + self.domain()] + open_ended + [head + c + tail for c in ':.;[]!%@ +'])

    def client(self):
        resolve = self.pick(["OK", "OK", "OK", "FAIL", "FORGED", "TEMP"])
        client = {"addr": self.pick(ADDRESSES), "resolve": resolve}
        if resolve in ("OK", "FORGED"):
            client["name"] = self.pick(RARE_NAMES if self.rare(0.15) else self.names)
        if self.rare(0.1):
            client["addr"] = self.pick(RARE_ADDRESSES)
        if client["addr"] in LITERALS:
            resolve, name = LITERALS[client["addr"]]
            client = {"addr": client["addr"], "resolve": resolve}
            client.update({"name": name} if name else {})
        if self.chance(0.04):
            client["addr"] = self.pick(["127.0.0.1", "::1"])
            if self.real:    # the hosts file has the name
                client.update(name="localhost", resolve="OK")
        return client

    def decision(self, config):
        client = self.client()
        # the daemon still looks at the form where this hook says OK
        mangle = not (self.real and "relayers_rcpt" in config["features"])
        mail, rcpt = self.path(False, client["addr"]), self.path(mangle)
        config = dict(config, access=self.access(client, mail, rcpt))
        if any(f in POP for f in config["features"]):
            config["relayers"] = self.relayers(client)
        case = {"kind": "decision", "config": config, "client": client,
                "mail": mail, "rcpt": rcpt, "dns": self.dns}
        if self.chance(0.2):
            case["auth"] = "alice"
        return case

    def told(self, case):
        """The same with what only -bt can be told: rates, TLS, flags."""
        if self.chance(0.3):
            case["client"]["rate"] = self.random.randint(0, 12)
            case["client"]["connections"] = self.random.randint(0, 12)
        if self.chance(0.25):
            case["verify"] = self.pick(["OK", "TRUSTED", "FAIL", "NO", "NOT", "NONE",
                                        "SOFTWARE", "PROTOCOL", "CONFIG", "XX", ""])
            case["cipher_bits"] = self.pick(["256", "128", "56", ""])
            case["cert_issuer"] = self.pick(["/C=XX/CN=CA", "b", ""])
            case["cert_subject"] = self.pick(["/C=XX/CN=me", "s", ""])
            case["cn_subject"] = self.pick(["a", "client.example.com", ""])
        if self.chance(0.05):
            case["daemon_flags"] = self.pick(["u", "f", "u f", "CC f"])
        return case

    def same_map(self, case):
        """Another question to the configuration and map of `case`."""
        other = self.decision(case["config"])
        other["config"] = case["config"]
        return other

    def lookup(self, case):
        """A single lookup in the map of `case`."""
        client, mail, rcpt = case["client"], case["mail"], case["rcpt"]
        keys = [k for k in self.keys(client, mail, rcpt)
                if not any(c in k for c in '"\\(),;<>')]
        fn = self.pick("DAFUE")
        key = self.pick(keys)
        if fn == "U" and self.chance(0.8) and not key.endswith("@"):
            key += "@"
        return {"kind": "lookup", "config": case["config"], "fn": fn, "key": key,
                "tag": self.pick(TAGS), "mark": self.pick("++!")}
