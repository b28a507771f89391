"""The login listeners by themselves, in t/tools/login_sink.cc."""
import contextlib
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading

from harness import net, program

SECRET = "only-for-the-tests"
SECRET_FILE = f"auth_policy_server_api_header = X-Relay-Auth: {SECRET}\n"


@contextlib.contextmanager
def own_folder():
    """A directory that every uid can reach, gone afterwards."""
    path = tempfile.mkdtemp(prefix="postern.", dir="/tmp")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class LoginSink:
    """Starts login-sink; `logins` gets each login as a dict.

        with LoginSink(dir, http="127.0.0.1:21580", dict=path, ...) as sink:
    """

    def __init__(self, dir, **settings):
        self.counters, self.logins, self.warnings = {}, queue.Queue(), []
        if "http" in settings:
            settings.setdefault("secret", os.path.join(str(dir), "secret"))
            with open(settings["secret"], "w") as f:
                f.write(settings.pop("secret_text", SECRET_FILE))
            os.chmod(settings["secret"], 0o600)
        self.settings = settings

    def start(self):
        self.process = subprocess.Popen(
            [program("login-sink")] + [f"{k}={v}" for k, v in self.settings.items()],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.threads = [threading.Thread(target=target, daemon=True)
                        for target in (self._read, self._read_warnings)]
        self.ready = threading.Event()
        for thread in self.threads:
            thread.start()
        if not self.ready.wait(20):
            self.stop()
            raise RuntimeError(f"login-sink did not start: {self.warnings}")
        return self

    def _read(self):
        for line in self.process.stdout:
            got = json.loads(line)
            if "ready" in got:
                self.ready.set()
            elif "counters" in got:
                self.counters[got.pop("counters")] = got
            else:
                self.logins.put(got)

    def _read_warnings(self):
        for line in self.process.stderr:
            self.warnings.append(line.rstrip("\n"))

    def stop(self):
        """Ends it; `counters` are there afterwards."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for thread in self.threads:
            thread.join()
        assert code == 0, f"login-sink: exit {code}: {self.warnings}"

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def login(self, timeout=10):
        """The next login."""
        return self.logins.get(timeout=timeout)

    def short(self, timeout=10):
        """The next login as "service ip user source"."""
        got = self.login(timeout)
        return " ".join((got["service"], got["ip"], got["user"], got["source"]))

    def none(self, wait=0.2):
        """Whether no login comes."""
        try:
            self.logins.get(timeout=wait)
        except queue.Empty:
            return True
        return False

    def wait_warning(self, text, timeout=10):
        net.wait_for(lambda: any(text in w for w in self.warnings), timeout,
                     message=f"no warning {text!r} in {self.warnings}")
