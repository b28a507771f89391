"""contrib/cron/postern: the line that ends grants on a host without a daemon."""
import os
import subprocess
import time

from harness import BIN, TOP
from harness.sendmail import makemap


def cron_commands():
    with open(os.path.join(TOP, "contrib/cron/postern")) as f:
        return [line.split(None, 6)[6].strip() for line in f
                if line.strip() and not line.startswith("#")]


def test_the_cron_line_ends_what_is_older_than_a_day():
    os.makedirs("/etc/mail", exist_ok=True)
    now = int(time.time())
    makemap("/etc/mail/relayers", f"192.0.2.1\t{now - 90000}\n192.0.2.2\t{now - 80000}\n"
                                  f"192.0.2.3\t{now + 90000}\n")
    commands = cron_commands()
    assert commands
    for command in commands:
        subprocess.run(["sh", "-c", command], check=True,
                       env={"PATH": BIN + ":/usr/bin:/bin"})
    left = subprocess.run(["vsmtprelay", "dump"], text=True, check=True,
                          stdout=subprocess.PIPE, env={"PATH": BIN}).stdout
    entries = [line.split("\t")[0] for line in left.splitlines() if line[:1] != "#"]
    assert sorted(entries) == ["192.0.2.2", "192.0.2.3"]
