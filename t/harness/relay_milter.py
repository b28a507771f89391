"""relay-milter with a configuration and sockets of its own."""
import os
import signal
import subprocess

from harness import net, program

CONF = """mail_dir: {mail_dir}
state_dir: {dir}/state
relay:
  socket: unix:{dir}/relay.sock
  policy_socket: unix:{dir}/policy.sock
  socket_mode: 0666
  domain: mx.example.org
{relay}
log: {{decisions: {dir}/decisions.jsonl}}
"""


class RelayMilter:
    """One configuration and, after start(), one process.

    relay    lines of the relay section; two blanks before each
    """

    def __init__(self, directory, mail_dir, relay=""):
        self.dir = os.path.join(directory, "postern")
        self.socket = self.dir + "/relay.sock"
        self.map_socket = self.dir + "/map.sock"
        self.policy_socket = self.dir + "/policy.sock"
        self.control_socket = self.dir + "/control.sock"
        self.decisions = self.dir + "/decisions.jsonl"
        self.conf = self.dir + "/postern.yaml"
        self.process = None
        os.makedirs(self.dir + "/state")
        with open(self.conf, "w") as f:
            f.write(CONF.format(dir=self.dir, mail_dir=mail_dir, relay=relay))

    def input_mail_filter(self):
        """The line for the .mc file."""
        return ("INPUT_MAIL_FILTER(`relay-milter', `S=unix:%s, F=T, "
                "T=C:5s;S:5s;R:5s;E:20s')dnl" % self.socket)

    def start(self):
        self.process = subprocess.Popen(
            [program("relay-milter"), "-f", "-c", self.conf],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.dir + "/stderr", "a"))
        try:
            for socket in (self.control_socket, self.map_socket, self.socket):
                net.wait_listening(socket, self.process)
        except RuntimeError as e:
            raise RuntimeError(f"{e}\n{self.stderr()}") from None
        return self

    def stderr(self):
        with open(self.dir + "/stderr", errors="replace") as f:
            return f.read()

    def reload(self):
        os.kill(self.process.pid, signal.SIGHUP)

    def stop(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            self.process.wait(10)
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def vsmtprelay(*args):
    """-> (exit code, output, error output)"""
    done = subprocess.run([program("vsmtprelay"), *args], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr
