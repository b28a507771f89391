"""What programs send to syslog: a listener on /dev/log of the test's network."""
import os
import re
import socket
import threading

from harness import net


class Syslog(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        if os.path.exists("/dev/log"):
            os.unlink("/dev/log")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        self.lines = []
        self.start()

    def run(self):
        while True:
            data = self.sock.recv(65536).decode("latin1")
            self.lines.append(re.sub(r"^<\d+>", "", data).rstrip("\n\0"))

    def grep(self, pattern):
        return [line for line in list(self.lines) if re.search(pattern, line)]

    def wait(self, pattern, timeout=10):
        """The lines that match, once there is one."""
        return net.wait_for(lambda: self.grep(pattern), timeout,
                            message=f"no log line like {pattern!r}")
