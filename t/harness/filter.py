"""filter-milter with rc files of its own, in a folder of its own."""
import os
import subprocess

from harness import net, program


class FilterMilter:
    """rc      text of the site's recipes
    filter  more lines of the section, indented by two
    users   name -> text of his recipes; domains: the same
    """

    def __init__(self, directory, rc="", filter="", users=(), domains=(), top=""):
        self.dir = os.path.join(directory, "filter")
        os.makedirs(self.dir + "/rc")
        os.chmod(self.dir, 0o755)
        self.socket = self.dir + "/filter.sock"
        self.conf = self.dir + "/postern.yaml"
        self.decisions = self.dir + "/decisions.jsonl"
        self.site_rc = self.dir + "/filterrc"
        self.process = None
        self.write("filterrc", rc)
        for name, text in dict(users).items():
            self.user(name, text)
        for name, text in dict(domains).items():
            self.write(f"rc/{name}.domain", text)
        self.configure(filter, top)

    def write(self, name, text, owner=0, mode=0o644):
        """As an editor does it: complete, then in its place."""
        path = os.path.join(self.dir, name)
        with open(path + ".new", "w", encoding="latin1") as f:
            f.write(text)
        os.chown(path + ".new", owner, owner)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)
        return path

    def user(self, name, text, **kind):
        kind.setdefault("owner", net.USERS[name])
        return self.write(f"rc/{name}.rc", text, **kind)

    def configure(self, filter="", top=""):
        with open(self.conf, "w") as f:
            f.write(f"mail_dir: {self.dir}\nfilter:\n  socket: unix:{self.socket}\n"
                    f"  site_rc: {self.site_rc}\n  domain_rc: {self.dir}/rc/%d.domain\n"
                    f"  user_rc: {self.dir}/rc/%u.rc\n  user_domains: [example.org]\n"
                    f"{filter}\nlog: {{level: debug, decisions: {self.decisions}}}\n{top}\n")

    def start(self, *args):
        self.process = subprocess.Popen(
            [program("filter-milter"), "-f", "-c", self.conf, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.dir + "/stderr", "a"))
        net.wait_for(lambda: "started" in self.stderr(), 20, self.process,
                     "filter-milter does not start")
        return self

    def stderr(self):
        with open(self.dir + "/stderr", errors="replace") as f:
            return f.read()

    def said(self, words, times=1, timeout=20):
        """Waits until the log holds `words` that many times."""
        return net.wait_for(lambda: self.stderr().count(words) >= times, timeout,
                            self.process, f"not said: {words}")

    def mc(self, timeouts="C:5m;S:10s;R:10s;E:5m"):
        """Lines for hostname.mc."""
        return (f"INPUT_MAIL_FILTER(`filter', `S=local:{self.socket}, F=T,"
                f" T={timeouts}')dnl\n")

    def stop(self, how=15):
        if not self.process:
            return None
        self.process.send_signal(how)
        code = self.process.wait(10)
        self.process = None
        return code

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
