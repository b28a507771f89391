"""What the harnesses of our milters have in common."""
import os
import signal
import subprocess

from harness import net, program


class Daemon:
    """A milter in the foreground, with a folder of its own; its log goes to
    `stderr` there.

    dir, socket, conf, decisions    paths
    """
    name = ""      # of the program
    ready = ()     # what it has said, beside "started", when it can be used
    timeouts = "C:5m;S:10s;R:10s;E:5m"

    def __init__(self, directory, folder):
        self.dir = os.path.join(directory, folder)
        os.makedirs(self.dir)
        os.chmod(self.dir, 0o755)
        self.socket = f"{self.dir}/{folder}.sock"
        self.conf = self.dir + "/postern.yaml"
        self.decisions = self.dir + "/decisions.jsonl"
        self.process = None

    def start(self, *args, wait=True, under=()):
        """under  a command that runs the milter, such as setpriv(1)"""
        before = self.stderr().count("started")
        self.process = subprocess.Popen(
            [*under, program(self.name), "-f", "-c", self.conf, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.dir + "/stderr", "a"))
        self.said("started", before + 1)
        for words in self.ready if wait else ():
            self.said(words)
        return self

    def stderr(self):
        path = self.dir + "/stderr"
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as f:
            return f.read()

    def said(self, words, times=1, timeout=20):
        """Waits until the log holds `words` that many times."""
        return net.wait_for(lambda: self.stderr().count(words) >= times, timeout,
                            self.process, f"{self.name} has not said: {words}")

    def mc(self, timeouts=None):
        """Lines for hostname.mc."""
        name = os.path.basename(self.dir)
        return (f"INPUT_MAIL_FILTER(`{name}', `S=local:{self.socket}, F=T,"
                f" T={timeouts or self.timeouts}')dnl\n")

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self, how=signal.SIGTERM):
        """-> exit code; None if it does not run"""
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
