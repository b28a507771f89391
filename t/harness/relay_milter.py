"""relay-milter with a configuration and sockets of its own."""
import os
import subprocess

from harness import program
from harness.daemon import Daemon

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


class RelayMilter(Daemon):
    """One configuration and, after start(), one process.

    relay    lines of the relay section; two blanks before each
    """

    name = "relay-milter"
    timeouts = "C:5s;S:5s;R:5s;E:20s"

    def __init__(self, directory, mail_dir, relay=""):
        super().__init__(directory, "relay")
        self.map_socket = self.dir + "/map.sock"
        self.policy_socket = self.dir + "/policy.sock"
        self.control_socket = self.dir + "/control.sock"
        os.makedirs(self.dir + "/state")
        with open(self.conf, "w") as f:
            f.write(CONF.format(dir=self.dir, mail_dir=mail_dir, relay=relay))


def vsmtprelay(*args):
    """-> (exit code, output, error output)"""
    done = subprocess.run([program("vsmtprelay"), *args], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr
