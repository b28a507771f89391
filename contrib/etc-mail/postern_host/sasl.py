"""SASL of this host: who checks passwords, and which mechanisms are offered."""
import ctypes
import os
import re
import subprocess
import sys

FOLDERS = ("/etc/mail/sasl", "/usr/lib/sasl2", "/etc/sasl2", "/etc/sasl",
           "/usr/local/lib/sasl2", "/usr/lib64/sasl2")
NAMES = ("Sendmail.conf", "Sendmail.conf.2")
SOCKETS = ("/run/saslauthd/mux", "/var/run/saslauthd/mux", "/var/state/saslauthd/mux")
SASL_OK = 0
LIST_LIMIT = 10


def configuration(folder=""):
    """The key: value lines of sendmail's SASL file; {} if there is none.

    folder  SASL_CONF_PATH of sendmail.cf's E line, which then is the only one
    """
    for place in folder.split(":") if folder else FOLDERS:
        for name in NAMES:
            try:
                with open(os.path.join(place, name), encoding="latin1") as f:
                    text = f.read()
            except OSError:
                continue
            return dict(re.findall(r"(?m)^\s*(\w+)\s*:\s*(.*?)\s*$", text))
    return {}


def socket_path(values):
    """Where saslauthd listens: its folder or socket as configured, or the first
    usual one."""
    path = values.get("saslauthd_path", "")
    if path:
        return path if path.endswith("/mux") else path + "/mux"
    return next((p for p in SOCKETS if os.path.exists(p)), SOCKETS[0])


def list_here(service, library="libsasl2.so.2"):
    """The mechanisms that libsasl2 offers a server of this name, by itself."""
    sasl = ctypes.CDLL(library)
    connection, text = ctypes.c_void_p(), ctypes.c_char_p()
    if sasl.sasl_server_init(None, service.encode()) != SASL_OK or \
            sasl.sasl_server_new(b"smtp", None, None, None, None, None, 0,
                                 ctypes.byref(connection)) != SASL_OK or \
            sasl.sasl_listmech(connection, None, b"", b" ", b"",
                               ctypes.byref(text), None, None) != SASL_OK:
        return []
    return text.value.decode().split()


def mechanisms(folder=""):
    """The same in a process of its own, which may hang or crash; None if it did.

    libsasl2 names them even where saslauthd is dead: the list says what clients
    are offered, not that a login works.
    """
    code = "import sys; sys.path.insert(0, sys.argv[1]);" \
           "from postern_host import sasl; print(' '.join(sasl.list_here('Sendmail')))"
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
    if folder:
        env["SASL_CONF_PATH"] = folder
    try:
        done = subprocess.run([sys.executable, "-c", code, top], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=LIST_LIMIT, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode().split()
