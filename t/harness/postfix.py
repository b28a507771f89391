"""Real Postfix from an unpacked package, with its own queue and configuration."""
import os
import signal
import subprocess

from harness import net, server, smtp

LOG = "/var/log/postfix.log"
MAIN = """compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = {tree}/usr/sbin
daemon_directory = {tree}/usr/lib/postfix/sbin
meta_directory = {tree}/etc/postfix
shlib_directory = {tree}/usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH={tree}/usr/lib/postfix
inet_interfaces = loopback-only
myhostname = mx.example.org
mydestination = example.org, localhost
mynetworks = 127.0.0.1/32
local_recipient_maps =
alias_maps =
relayhost = [127.0.0.1]:{sink}
local_transport = smtp:[127.0.0.1]:{sink}
maillog_file = {log}
smtp_host_lookup = native
"""
QUEUE = ("active bounce corrupt defer deferred flush hold incoming maildrop pid "
         "private public saved trace").split()


def whole_log():
    """Of every Postfix that these tests have started: it wants it in /var."""
    if not os.path.exists(LOG):
        return ""
    with open(LOG, errors="replace") as f:
        return f.read()


class Postfix:
    """main: lines for main.cf; mail that is accepted goes to the port `sink`."""

    def __init__(self, directory, main="", sink=0):
        self.dir = os.path.join(directory, "postfix")
        self.tree = server("postfix", "")
        self.port = net.free_port()
        self.process = None
        os.makedirs(self.dir + "/etc")
        text = MAIN.format(log=LOG, dir=self.dir, tree=self.tree.rstrip("/"), sink=sink) + main
        with open(self.dir + "/etc/main.cf", "w") as f:
            f.write(text)
        self.write_master()
        self.make_queue()

    def write_master(self):
        """The package's master.cf, without chroot and on our port."""
        with open(server("postfix", "usr/share/postfix/master.cf.dist")) as dist, \
                open(self.dir + "/etc/master.cf", "w") as out:
            for line in dist:
                words = line.split()
                if line[:1] not in "# \n" and len(words) >= 8:
                    words[4] = "n"
                    if words[:2] == ["smtp", "inet"]:
                        words[0] = f"127.0.0.1:{self.port}"
                    line = " ".join(words) + "\n"
                out.write(line)

    def make_queue(self):
        owner, group = net.USERS["postfix"], net.USERS["postdrop"]
        modes = {"maildrop": 0o730, "public": 0o710}
        os.makedirs(self.dir + "/data", 0o700)
        os.chown(self.dir + "/data", owner, owner)
        for name in QUEUE:
            path = os.path.join(self.dir, "queue", name)
            os.makedirs(path)
            if name != "pid":
                os.chown(path, owner, group if name in modes else owner)
                os.chmod(path, modes.get(name, 0o700))

    def start(self):
        self.logged = len(whole_log())
        env = dict(os.environ, MAIL_CONFIG=self.dir + "/etc",
                   LD_LIBRARY_PATH=server("postfix", "usr/lib/postfix"))
        self.process = subprocess.Popen(
            [server("postfix", "usr/lib/postfix/sbin/master"), "-c",
             self.dir + "/etc", "-d"], env=env, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        # A daemon that misses a neighbour's socket dies and is waited for.
        for name in ("private/anvil", "public/cleanup", "private/rewrite",
                     "public/postlog"):
            net.wait_for(lambda n=name: os.path.exists(f"{self.dir}/queue/{n}"),
                         process=self.process, message="postfix did not start")
        net.wait_for(self.greets, process=self.process,
                     message="no greeting from postfix")
        return self

    def greets(self):
        try:
            with smtp.Client(self.port):
                return True
        except OSError:
            return False

    def log(self):
        """What has been logged since the start."""
        return whole_log()[self.logged:]

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(10)
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
