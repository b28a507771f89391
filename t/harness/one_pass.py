"""The three milters by one configuration, each by itself or all in one."""
import json
import os
import re

from harness import mail_queue, net
from harness.daemon import Daemon
from harness.sendmail import Sendmail
from harness.virus import database

WORDS = ("relay", "virus", "filter")
CONF = """mail_dir: {site}/mail
state_dir: {site}/state
relay:
  socket: unix:{site}/relay/relay.sock
  domain: mx.example.org
  access_type: text
{relay}
virus:
  socket: unix:{site}/virus/virus.sock
  control_socket: unix:{site}/virus/control.sock
  database: {site}/signatures
  temp_dir: {site}/tmp
{virus}
filter:
  socket: unix:{site}/filter/filter.sock
  site_rc: {site}/filterrc
  user_rc: {site}/rc/%u.rc
  user_domains: [example.org]
{filter}
postern:
  socket: unix:{site}/postern/postern.sock
log: {{level: debug, decisions: {site}/decisions.jsonl}}
"""


class Milter(Daemon):
    """One of the programs, by the configuration of the Gate."""

    def __init__(self, site, word):
        super().__init__(site, word)
        self.name = word + "-milter"
        self.conf = site + "/postern.yaml"
        if word in ("virus", "postern"):
            self.ready = ("signatures loaded",)


class Gate:
    """Milters and the sendmail that asks them.

    words    which programs: WORDS, or ("postern",)
    rc       recipes of the site; users: name -> text of his
    relay, virus, filter    more lines of the sections, indented by two
    mc       lines for hostname.mc; options: more for Sendmail
    """

    def __init__(self, site, words, rc="", users=(), relay="", virus="", filter="",
                 mc="", **options):
        self.site = site
        os.makedirs(site + "/tmp")
        os.makedirs(site + "/rc")
        for path in (site, site + "/tmp", site + "/rc"):
            os.chmod(path, 0o755)
        database(site + "/signatures")
        self.write("postern.yaml", CONF.format(site=site, relay=relay, virus=virus,
                                               filter=filter))
        self.write("filterrc", rc)
        for name, text in dict(users).items():
            os.chown(self.write(f"rc/{name}.rc", text), net.USERS[name], net.USERS[name])
        self.milters = [Milter(site, word) for word in words]
        self.mta = Sendmail(site, mc=mc + "".join(m.mc() for m in self.milters),
                            **options)

    def write(self, name, text):
        path = os.path.join(self.site, name)
        with open(path, "w", encoding="latin1") as f:
            f.write(text)
        os.chmod(path, 0o644)
        return path

    def start(self):
        for milter in self.milters:
            milter.start()
        self.mta.start()
        return self

    def stop(self):
        self.mta.stop()
        assert [m.stop() for m in self.milters] == [0] * len(self.milters)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log(self):
        """program name -> its lines, without what differs from time to time
        and what is said about the process.  Nor of welcome clients: one that
        only looks whether the MTA listens is not always seen."""
        lines = {word + "-milter": [] for word in WORDS}
        for text in "".join(m.stderr() for m in self.milters).splitlines():
            name, _, said = text.partition(": ")
            if name in lines and not re.match("started|stopped|reloaded", said) \
                    and "verdict=accept stage=connect" not in said:
                lines[name].append(plain(said, self.site))
        return lines

    def decisions(self):
        """program name -> its decisions, as in log()."""
        found = {word + "-milter": [] for word in WORDS}
        with open(self.site + "/decisions.jsonl") as f:
            for line in f:
                one = json.loads(line)
                del one["time"], one["id"]
                if (one["stage"], one["verdict"]) == ("connect", "accept"):
                    continue
                found[one["program"]].append(plain(json.dumps(one, sort_keys=True), self.site))
        return found


def plain(text, site):
    text = mail_queue.plain(text).replace(site, "SITE")
    text = re.sub(r"\bid=[\w.]+", "id=ID", text)
    return re.sub(r"\b(ms|pid|age)=\d+", r"\1=N", text)
