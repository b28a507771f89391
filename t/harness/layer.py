"""A milter made of nothing but the libmilter layer; see t/protocol/test_milter.cc."""
import shutil
import subprocess
import tempfile
import time

import pytest

from harness import net, program


class TestMilter:
    __test__ = False

    def __init__(self, *args):
        self.dir = tempfile.mkdtemp(prefix="postern-layer.")
        self.socket = self.dir + "/m.sock"
        self.pid_file = self.dir + "/m.pid"
        self.process = None
        self.args = args

    def start(self):
        self.log = open(self.dir + "/stderr", "w+")
        self.process = subprocess.Popen(
            [program("test-milter"), "unix:" + self.socket, self.pid_file, *self.args],
            stdin=subprocess.DEVNULL, stderr=self.log)
        net.wait_for(lambda: "started" in self.said(), 10, self.process, "no start")
        return self

    def said(self):
        with open(self.dir + "/stderr", errors="replace") as f:
            return f.read()

    def stop(self):
        begin = time.monotonic()
        self.process.terminate()
        assert self.process.wait(10) == 0, self.said()
        self.process = None
        return time.monotonic() - begin


@pytest.fixture(scope="module", params=["", "silent"])
def milter(request):
    one = TestMilter(*request.param.split()).start()
    yield one
    one.stop()
    assert "Sanitizer" not in one.said() and "runtime error" not in one.said()
    shutil.rmtree(one.dir)


def walk(m, script):
    """One message through all stages -> (stage, reply) that was not continue."""
    steps = {
        "connect": lambda: m.connect(script, "192.0.2.4"),
        "helo": lambda: m.helo("c"),
        "mail": lambda: m.mail("<a@example.net>"),
        "rcpt": lambda: m.rcpt("<b@example.org>"),
        "data": m.data,
        "header": lambda: m.header("Subject", "x"),
        "eoh": m.eoh,
        "body": lambda: m.body("hi\r\n"),
        "eom": m.eom}
    for stage, step in steps.items():
        reply = step()
        if reply is not None and reply.kind != "continue":
            return stage, reply
    return None, reply


FAILED = "451 4.3.0 Temporary system failure. Please try again later."
