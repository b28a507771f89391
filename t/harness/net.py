"""A network of the test's own: every address is local, nothing leaves it."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

HOST = "mx.example.org"
IPV6_FREEBIND = 78
_entered = None


def _run(*command):
    subprocess.run(command, check=True)


def in_own_network():
    """Whether this process sees no interface but a loopback of its own."""
    links = subprocess.run(["ip", "-o", "link"], stdout=subprocess.PIPE,
                           text=True, check=True).stdout.splitlines()
    return all(" lo:" in line or "NOARP" in line for line in links)


def _write(path, text):
    with open(path, "w") as f:
        f.write(text)


def make_dev(dev):
    """What a program finds in /dev, on a tmpfs in the folder `dev`."""
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", dev)
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        open(os.path.join(dev, name), "w").close()
        _run("mount", "--bind", "/dev/" + name, os.path.join(dev, name))
    for name in ("pts", "shm"):
        os.mkdir(os.path.join(dev, name))
    _run("mount", "--rbind", "/dev/pts", dev + "/pts")
    _run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", dev + "/shm")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"),
                         ("stderr", "/2")):
        os.symlink("/proc/self/fd" + target, os.path.join(dev, name))
    os.symlink("pts/ptmx", os.path.join(dev, "ptmx"))


def _own_dev(base):
    """So that a test can listen on /dev/log."""
    dev = os.path.join(base, "dev")
    os.mkdir(dev)
    make_dev(dev)
    _run("mount", "--move", dev, "/dev")


# Users that the packages' maintainer scripts would have made, and two people.
USERS = {"smmta": 901, "smmsp": 902, "postfix": 903, "postdrop": 904,
         "dovecot": 905, "dovenull": 906, "postern": 907,
         "alice": 2001, "bob": 2002}


def _own_tree(base, path):
    """Writes below `path` go to memory and are gone with the test."""
    layer = base + path
    os.mkdir(layer)
    _run("mount", "-t", "tmpfs", "tmpfs", layer)
    os.mkdir(layer + "/upper")
    os.mkdir(layer + "/work")
    _run("mount", "-t", "overlay", "-o", f"lowerdir={path},upperdir={layer}/upper,"
         f"workdir={layer}/work", "overlay", path)


def _add_users():
    with open("/etc/passwd", "a") as passwd, open("/etc/group", "a") as group:
        for name, number in USERS.items():
            passwd.write(f"{name}:x:{number}:{number}::/home/{name}:/usr/sbin/nologin\n")
            group.write(f"{name}:x:{number}:\n")


def enter():
    """Sets up the private namespaces that t/run has made.  Idempotent.

    Any IPv4 or IPv6 address can be bound and reached; the host is HOST (a name
    with a dot: else sendmail waits 60 s for one); names come from /etc/hosts,
    then from 127.0.0.1:53 (harness.dns).  /etc, /var, /run and /dev are this
    test's own: it may write /etc/mail and listen on /dev/log.
    """
    global _entered
    if _entered:
        return
    if not in_own_network():
        raise RuntimeError("not in a network namespace: use t/run or make")
    _entered = tempfile.mkdtemp(prefix="postern-net.")
    _run("mount", "--make-rprivate", "/")
    socket.sethostname(HOST)
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo")
    _run("ip", "-6", "route", "add", "local", "::/0", "dev", "lo")
    _own_dev(_entered)
    _own_tree(_entered, "/etc")
    _own_tree(_entered, "/var")
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    _add_users()
    _write("/etc/hosts", f"127.0.0.1 localhost {HOST}\n::1 localhost\n")
    _write("/etc/resolv.conf",
               "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    _write("/etc/nsswitch.conf",
               "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
               "services: files\nprotocols: files\n")
    for name in ("/etc/hosts.allow", "/etc/hosts.deny"):
        _write(name, "")


def own_tree(path):
    """Lets the test write below `path` (say /usr/lib) without touching it."""
    enter()
    if not os.path.exists(_entered + path):     # or it is so already
        os.makedirs(_entered + os.path.dirname(path), exist_ok=True)
        _own_tree(_entered, path)


def forget_postern():
    """Takes away what earlier tests left at the paths of the manuals."""
    enter()
    for path in ("/run/postern", "/var/lib/postern", "/var/log/postern"):
        if os.path.islink(path):
            os.unlink(path)
        shutil.rmtree(path, ignore_errors=True)


def connect(port, source="127.0.0.1", timeout=20):
    """A TCP connection to `port` on this host that comes from `source`."""
    six = ":" in source
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
    s.settimeout(timeout)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if six:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    try:
        s.bind((source, 0))
        s.connect(("::1" if six else "127.0.0.1", port))
    except OSError:
        s.close()
        raise
    return s


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, timeout=20, process=None, message="nothing happened"):
    """Calls `what` until it returns something true, and returns that."""
    end = time.monotonic() + timeout
    while True:
        got = what()
        if got:
            return got
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{message}: exit {process.returncode}")
        if time.monotonic() > end:
            raise TimeoutError(message)
        time.sleep(0.005)


def listening(address):
    """Whether something accepts on a port of 127.0.0.1 or a unix socket path."""
    unix = isinstance(address, str)
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as s:
        s.settimeout(2)
        try:
            s.connect(address if unix else ("127.0.0.1", address))
        except OSError:
            return False
    return True


def wait_listening(address, process=None, timeout=20):
    wait_for(lambda: listening(address), timeout, process,
             f"nobody listens on {address}")
