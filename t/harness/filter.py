"""filter-milter with rc files of its own, in a folder of its own."""
import os

from harness import net
from harness.daemon import Daemon


class FilterMilter(Daemon):
    """rc      text of the site's recipes
    filter  more lines of the section, indented by two
    users   name -> text of his recipes; domains: the same
    """

    name = "filter-milter"

    def __init__(self, directory, rc="", filter="", users=(), domains=(), top=""):
        super().__init__(directory, "filter")
        os.makedirs(self.dir + "/rc")
        self.site_rc = self.dir + "/filterrc"
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
