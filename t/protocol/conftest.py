"""relay-milter alone, asked by an MTA that is a test."""
import os
import shutil
import signal
import tempfile
import time

import pytest

from harness import milter_client
from harness.daemon import Daemon

# Under the address sanitizer everything takes a little longer.
PATIENCE = 3.0 if "asan" in os.environ.get("POSTERN_BIN", "") else 1.0


class RelayMilter(Daemon):
    """A folder with a configuration and, after start(), a process."""

    name = "relay-milter"

    def __init__(self, access="", features="[access_db]", relay="", top=""):
        site = tempfile.mkdtemp(prefix="postern-protocol.")
        os.chmod(site, 0o755)
        super().__init__(site, "relay")
        self.map_socket = self.dir + "/map.sock"
        self.policy_socket = self.dir + "/policy.sock"
        self.control_socket = self.dir + "/control.sock"
        self.pid_file = self.dir + "/relay.pid"
        self.args = []
        self.configure(access, features, relay, top)

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def configure(self, access="", features="[access_db]", relay="", top=""):
        self.write("access", access)
        self.write("local-host-names", "example.org\n")
        self.write("relay-domains", "")
        self.write("postern.yaml", f"""mail_dir: {self.dir}
state_dir: {self.dir}/state
{top}
relay:
  socket: unix:{self.socket}
  policy_socket: unix:{self.policy_socket}
  domain: mx.example.org
  features: {features}
  access_type: text
  trust_auth_mech: [PLAIN, LOGIN]
{relay}
log: {{decisions: {self.decisions}}}
""")

    def start(self, *args):
        self.args = args or self.args
        return super().start(*self.args)

    def stop(self, how=signal.SIGTERM):
        """-> (exit code, seconds)"""
        begin = time.monotonic()
        code = super().stop(how)
        return code, time.monotonic() - begin

    def client(self, **options):
        return milter_client.opened(self.socket, **options)

    def clean(self):
        if self.process:
            code, _ = self.stop()
            assert code == 0, self.stderr()
        for bad in ("AddressSanitizer", "LeakSanitizer", "runtime error"):
            assert bad not in self.stderr(), self.stderr()
        shutil.rmtree(os.path.dirname(self.dir))


@pytest.fixture
def daemon():
    """daemon(access=..., relay=...): a RelayMilter that runs."""
    made = []

    def make(*args, **settings):
        made.append(RelayMilter(**settings))
        return made[-1].start(*args)

    yield make
    for one in made:
        one.clean()


@pytest.fixture
def unstarted():
    """unstarted(...): a RelayMilter that is not started."""
    made = []

    def make(**settings):
        made.append(RelayMilter(**settings))
        return made[-1]

    yield make
    for one in made:
        one.clean()
