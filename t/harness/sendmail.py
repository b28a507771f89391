"""Real sendmail from an unpacked package: its own cf, maps, queue and port."""
import os
import shutil
import signal
import subprocess
import time

from harness import TOP, net, server

CF_DIR = server("sendmail", "usr/share/sendmail/cf/")
SENDMAIL = server("sendmail", "usr/libexec/sendmail/sendmail")
MAKEMAP = server("sendmail", "usr/sbin/makemap")
SASLPASSWD = server("sasl", "usr/sbin/saslpasswd2")

# Everything that keeps a daemon of the test away from the machine.
HEAD = """divert(-1)
divert(0)dnl
define(`MAIL_SETTINGS_DIR', `{dir}/')dnl
define(`_USE_ETC_MAIL_')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit,GroupReadableSASLDBFile')dnl
VERSIONID(`test')
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/service.switch')dnl
define(`QUEUE_DIR', `{dir}/mqueue')dnl
define(`ALIAS_FILE', `{dir}/aliases')dnl
define(`HELP_FILE', `{dir}/helpfile')dnl
define(`STATUS_FILE', `')dnl
define(`confPID_FILE', `{dir}/sendmail.pid')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confTO_IDENT', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confMIN_FREE_BLOCKS', `0')dnl
define(`confSAFE_QUEUE', `False')dnl
define(`confPRIVACY_FLAGS', `')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={port}')dnl
DAEMON_OPTIONS(`Name=MTA6, Family=inet6, Addr=::1, Port={port}')dnl
"""
TO_SINK = """define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`MAIL_HUB', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {sink}')dnl
"""
TAIL = """MODIFY_MAILER_FLAGS(`LOCAL', `-w')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
ESASL_CONF_PATH={dir}/sasl
{local_config}
{rules}
"""
ACCESS = "FEATURE(`access_db', `hash -T<TMPF> {dir}/access')dnl\n"
AUTH = """define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl
TRUST_AUTH_MECH(`PLAIN LOGIN')dnl
"""


def makemap(path, text, kind="hash"):
    """Runs real makemap; `text` has a key, white space and a value a line.

    65 (a bad line, a duplicate key) leaves a map, as admins have them.
    """
    done = subprocess.run([MAKEMAP, "-C", "/dev/null", kind, path], input=text.encode("latin1"),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode not in (0, 65):
        raise RuntimeError(done.stdout.decode("latin1"))
    return done


def cf_dir(base):
    """sendmail's m4 files with ours beside them, as `make install` leaves them."""
    own = os.path.join(base, "cf")
    if not os.path.isdir(own):
        shutil.copytree(CF_DIR, own)
        shutil.copytree(os.path.join(TOP, "m4", "feature"), own + "/feature",
                        dirs_exist_ok=True)
    return own + "/"


def run_m4(base, mc):
    """The .cf text that a .mc file gives; m4 may warn of an open relay only."""
    tree = cf_dir(base)
    done = subprocess.run(["m4", "-D_CF_DIR_=" + tree, tree + "m4/cf.m4", mc],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = done.stderr.decode()
    warned = [line for line in said.splitlines() if "WARNING" in line
              and "promiscuous_relay" not in line and "act as open" not in line]
    if done.returncode or "ERROR" in said or warned:
        raise RuntimeError("m4: " + said)
    return done.stdout.decode("latin1")


class Sendmail:
    """One configuration and, after start(), one daemon.

    mc            lines for the .mc file: FEATUREs, INPUT_MAIL_FILTERs, ...
    local_config, rules    text after LOCAL_CONFIG and at the end of the file
    access        text of access.db; None: no access_db feature
    sink          port that all accepted mail goes to; None: it stays queued
    users         name -> password of SMTP AUTH users (sasldb)

    In mc, local_config and rules `{dir}` stands for the directory with the
    maps, `{port}` for the daemon's port.
    """

    def __init__(self, directory, mc="", local_config="", rules="", access="",
                 local_host_names=("example.org",), relay_domains=(), sink=None,
                 users=None, port=None):
        self.dir = os.path.join(directory, "mail")
        self.port = port or net.free_port()
        self.process = None
        os.makedirs(self.dir + "/mqueue")
        os.chmod(self.dir + "/mqueue", 0o700)
        self.write("service.switch", "hosts files dns\naliases files\npasswd files\n")
        self.write("local-host-names", "".join(h + "\n" for h in local_host_names))
        self.write("relay-domains", "".join(h + "\n" for h in relay_domains))
        self.write("aliases", "")
        self.write("helpfile", "")
        if access is not None:
            self.set_access(access)
        if users:
            self.make_sasl(users)
        mode = "background" if sink else "queueonly"
        text = "".join([HEAD, f"define(`confDELIVERY_MODE', `{mode}')dnl\n",
                        ACCESS if access is not None else "",
                        AUTH if users else "", TO_SINK if sink else "", mc, "\n",
                        TAIL.replace("{local_config}", local_config)
                            .replace("{rules}", rules)])
        for key, value in {"dir": self.dir, "host": net.HOST, "port": self.port,
                           "sink": sink}.items():
            text = text.replace("{%s}" % key, str(value))
        mc_file = self.write("test.mc", text)
        self.cf = self.write("sendmail.cf", run_m4(directory, mc_file))

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="latin1") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def set_access(self, text):
        self.write("access", text)
        makemap(self.dir + "/access", text)

    def make_sasl(self, users):
        self.write("sasl/Sendmail.conf",
                   "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                   f"sasldb_path: {self.dir}/sasl/sasldb2\nmech_list: PLAIN LOGIN\n")
        for user, password in users.items():
            subprocess.run([SASLPASSWD, "-p", "-c", "-f", self.dir + "/sasl/sasldb2",
                            "-u", net.HOST, user], input=password.encode(),
                           check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        os.chmod(self.dir + "/sasl/sasldb2", 0o600)

    def test_mode(self, lines):
        """What `sendmail -bt` answers to these lines."""
        done = subprocess.run([SENDMAIL, "-bt", "-C", self.cf],
                              input="\n".join(lines).encode("latin1") + b"\n",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60)
        return done.stdout.decode("latin1")

    def start(self):
        with open(self.dir + "/stderr", "w") as err:
            self.process = subprocess.Popen([SENDMAIL, "-bD", "-C", self.cf],
                                            stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=err)
        net.wait_listening(self.port, self.process)
        return self

    def stop(self):
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def restart(self):
        """SIGHUP, as `make restart` does; argv[0] is absolute."""
        os.kill(self.process.pid, signal.SIGHUP)
        time.sleep(0.05)
        net.wait_listening(self.port, self.process)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
