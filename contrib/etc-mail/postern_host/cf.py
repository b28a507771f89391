"""What a sendmail.cf says about its daemon: pid file, ports, milters, SASL."""
import re
import socket

PORTS = {"smtp": 25, "submission": 587, "smtps": 465, "submissions": 465}


class Port:
    """One DaemonPortOptions: where it listens, and how a client must speak."""

    def __init__(self, text):
        fields = dict(re.findall(r"\s*(\w+)\w*\s*=\s*([^,]*)", text))
        # sendmail looks at the first letter of a field only.
        fields = {key[0].upper(): value.strip() for key, value in fields.items()}
        self.name = fields.get("N", "")
        self.path = ""
        family = fields.get("F", "inet").lower()
        where = fields.get("A", "")
        modifiers = fields.get("M", "")
        self.tls, self.optional = "s" in modifiers, "O" in modifiers
        self.number = port_number(fields.get("P", "smtp"))
        if family in ("local", "unix"):
            self.path = where
        any_host = "::1" if family == "inet6" else "127.0.0.1"
        where = re.sub(r"(?i)^ipv6:", "", where).strip("[]")
        self.host = any_host if where in ("", "0.0.0.0", "::", "0") else where

    def __str__(self):
        return self.path or str(self.number)


def port_number(text):
    if text.isdigit():
        return int(text)
    try:
        return socket.getservbyname(text, "tcp")
    except OSError:
        return PORTS.get(text, 25)


class Milter:
    """One X line that InputMailFilters, or a daemon's I= field, names."""

    def __init__(self, name, text):
        self.name = name
        fields = dict(re.findall(r"(?:^|,)\s*(\w)\w*\s*=\s*([^,]*)", text))
        self.socket = fields.get("S", "").strip()


class Cf:
    """A parsed file; raises OSError where it cannot be read."""

    def __init__(self, path):
        self.path = path
        self.options, self.ports, self.environment = {}, [], {}
        filters = {}
        for line in logical_lines(path):
            if line[:2] == "O ":
                key, _, value = line[2:].partition("=")
                key, value = key.strip().lower(), value.strip()
                if key == "daemonportoptions":
                    self.ports.append(Port(value))
                self.options[key] = value
            elif line[0] == "X":
                name, _, rest = line[1:].partition(",")
                filters[name.strip()] = rest
            elif line[0] == "E":
                key, _, value = line[1:].partition("=")
                self.environment[key] = value
        if not self.ports:
            self.ports = [Port("Name=MTA")]
        names = re.split(r"[,;\s]+", self.options.get("inputmailfilters", ""))
        self.milters = [Milter(n, filters[n]) for n in names if n in filters]
        self.undefined = [n for n in names if n and n not in filters]

    def pid_file(self, default):
        return self.options.get("pidfile") or default


def logical_lines(path):
    """Lines without comments; one that begins with a blank goes on the last."""
    lines = []
    with open(path, encoding="latin1") as f:
        for line in f:
            line = line.rstrip("\n")
            if line[:1] in (" ", "\t") and lines:
                lines[-1] += " " + line.strip()
            elif line and line[0] != "#":
                lines.append(line)
    return lines
