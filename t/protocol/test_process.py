"""relay-milter's process: configuration, reload, privileges, stop, log."""
import fcntl
import grp
import os
import pwd
import signal
import socket
import stat
import subprocess
import time

import pytest

from harness import milter_client as mc
from harness import net, program
from harness.sendmail import makemap

HERE, FAR = "<bob@example.org>", "<friend@remote.example>"


def run(*args, **options):
    return subprocess.run([program("relay-milter"), *args], text=True, timeout=20,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def relays(milter, address="192.0.2.4"):
    with milter.client(address=address) as m:
        assert m.mail("<a@example.net>").kind == "continue"
        return m.rcpt(FAR).kind == "continue"


# yaml of the relay section, or of the whole file -> words of the one error
MISTAKES = [
    ("relay: {relayers: {window: -3}}", "1: relay.relayers.window: '-3'"),
    ("relay: {features: [no_such_feature]}",
     "1: relay.features: "),
    ("relay: {access: /etc/passwd, access_type: db}", "1: relay.access: "),
    ("relay: {access: /nonexistent/access}", "1: relay.access: "),
    ("relay: {local_host_names: [/nonexistent/cw]}",
     "1: relay.local_host_names: /nonexistent/cw: No such file or directory"),
    ("relay: {local_host_names: [/tmp]}", "1: relay.local_host_names: /tmp: "),
    ("relay: {login: {listen: '127.0.0.1:1', secret_file: /nonexistent}}",
     "1: relay.login.secret_file: /nonexistent: No such file or directory"),
    ("relay: {socket: unix:relay.sock}", "1: relay.socket: "),
    ("\x00\x01\x02garbage: [", ":1: "),
    ("\x7fELF\x02: {[", "not YAML: "),
    ("relay: [", "not YAML: "),
    ("nothing", "1: the file: a section (key: value) is wanted"),
    ("relay: {colour: blue}", "1: unknown setting relay.colour"),
    ("mail_dir: /a\nmail_dir: /b", "2: mail_dir is set twice"),
    ("mail_dir: /a\n---\nmail_dir: /b", "3: more than one document"),
]


@pytest.mark.parametrize("flags", [["-n"], ["-f"], []])
@pytest.mark.parametrize("yaml, words", MISTAKES)
def test_a_mistake_is_one_clear_line_and_exit_78(unstarted, flags, yaml, words):
    milter = unstarted()
    if not yaml.startswith(("mail_dir", "nothing", "\x00", "\x7f", "relay: [")):
        yaml = yaml[:-1] + ", socket: '%s'}" % milter.socket \
            if "socket: unix" not in yaml else yaml
        yaml += "\nmail_dir: %s\nstate_dir: %s/state" % (milter.dir, milter.dir)
        if "access" not in yaml:
            yaml = yaml.replace("relay: {", "relay: {features: [], ")\
                if "features" not in yaml else yaml
    milter.write("postern.yaml", yaml + "\n")
    done = run("-c", milter.conf, *flags)
    assert done.returncode == 78, done.stderr
    lines = [l for l in done.stderr.splitlines() if words in l]
    assert len(lines) == 1 and milter.conf + ":" in lines[0], done.stderr
    assert lines[0].startswith("relay-milter: ")
    assert sorted(set(os.listdir(milter.dir)) - {"state"}) == [
        "access", "local-host-names", "postern.yaml", "relay-domains"]


def test_local_host_names_must_be_there(unstarted):
    """As sendmail has it; without them all mail of the host would be refused."""
    milter = unstarted()
    os.unlink(milter.dir + "/local-host-names")
    for flags in (["-n"], ["-f"]):
        done = run("-c", milter.conf, *flags)
        assert done.returncode == 78 and len(done.stderr.splitlines()) == 1
        assert "local_host_names: " in done.stderr and "No such file" in done.stderr
    with open(milter.conf) as f:
        text = f.read()
    milter.write("postern.yaml", text.replace("relay:\n", "relay:\n  local_host_names: []\n"))
    assert run("-n", "-c", milter.conf).returncode == 0


def test_all_mistakes_at_once(unstarted):
    milter = unstarted()
    milter.write("postern.yaml", "x: 1\ny: 2\nrelay: {z: 3}\n")
    done = run("-n", "-c", milter.conf)
    assert done.stderr.count("unknown setting") == 3 and done.returncode == 78


def test_check_only(unstarted):
    milter = unstarted()
    done = run("-n", "-c", milter.conf)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run("-n", "-v", "-c", milter.conf)
    assert done.returncode == 0 and "window: 30m\n" in done.stdout
    assert f"mail_dir: {milter.dir}  # set" in done.stdout
    assert not os.path.exists(milter.socket)
    milter.write("again.yaml", done.stdout)
    assert run("-n", "-c", milter.dir + "/again.yaml").returncode == 0


def test_flags():
    done = run("-h")
    assert done.returncode == 0 and "--config" in done.stdout
    done = run("-V")
    assert done.returncode == 0 and done.stdout.startswith("relay-milter 0.")
    for bad in (["-x"], ["word"], ["-c"], ["--no-such"]):
        assert run(*bad).returncode == 64
    assert run("-c", "/nonexistent.yaml").returncode == 78


def test_socket_of_the_command_line_wins(unstarted):
    milter = unstarted()
    other = milter.dir + "/other.sock"
    milter.start("-p", "unix:" + other, "-P", milter.dir + "/other.pid")
    assert os.path.exists(other) and not os.path.exists(milter.socket)
    with open(milter.dir + "/other.pid") as f:
        assert int(f.read()) == milter.process.pid
    assert run("-p", "nonsense", "-c", milter.conf).returncode == 78


def test_inet_socket(unstarted):
    milter = unstarted()
    port = net.free_port()
    milter.start("-p", f"inet:{port}@127.0.0.1")
    with mc.Milter(("127.0.0.1", port)) as m:
        m.negotiate()


def test_a_reload_changes_what_new_sessions_meet(daemon):
    milter = daemon(access="192.0.2\tRELAY\n")
    old = milter.client()
    old.mail("<a@example.net>")
    assert old.rcpt(FAR).kind == "continue"
    milter.write("access", "192.0.2\tREJECT\n")
    milter.process.send_signal(signal.SIGHUP)
    milter.said("reloaded")
    with milter.client() as m:
        assert m.mail("<a@example.net>").code == 550
    # The one that was there goes on by the rules it began with.
    old.abort()
    assert old.mail("<a@example.net>").kind == "continue"
    assert old.rcpt(FAR).kind == "continue"
    old.close()


@pytest.mark.parametrize("damage", [
    lambda m: m.write("postern.yaml", "relay: ["),
    lambda m: m.write("postern.yaml", "relay: {relayers: {window: -3}}\n"),
    lambda m: m.configure(relay="  access: /nonexistent/access"),
    lambda m: m.configure(features="[no_such_feature]"),
    lambda m: m.write("postern.yaml", open(m.conf).read().replace(
        "access_type: text", "access_type: db\n  access: /etc/passwd")),
    lambda m: m.write("postern.yaml", b"\x7fELF\x00\xff".decode("latin1") * 99),
    lambda m: os.unlink(m.conf)])
def test_a_bad_new_configuration_leaves_the_old_in_force(daemon, damage):
    milter = daemon(access="192.0.2\tRELAY\n")
    assert relays(milter)
    damage(milter)
    for n in range(3):
        milter.process.send_signal(signal.SIGHUP)
        milter.said("the old configuration stays", n + 1)
        assert relays(milter) and not relays(milter, "198.51.100.1")
    milter.configure(access="198.51.100\tRELAY\n")
    milter.process.send_signal(signal.SIGUSR1)
    milter.said("reloaded")
    assert relays(milter, "198.51.100.1") and not relays(milter)


def pipe(path):
    os.unlink(path)
    os.mkfifo(path)


@pytest.mark.parametrize("name", ["relay-domains", "postern.yaml"])
def test_a_reload_that_hangs_is_given_up(daemon, name):
    milter = daemon(access="192.0.2\tRELAY\n")
    pipe(f"{milter.dir}/{name}")
    milter.reload()
    assert relays(milter)
    milter.said("a file is a pipe, is locked, or does not answer")
    milter.said("the old configuration stays")
    assert relays(milter) and not relays(milter, "198.51.100.1")
    os.unlink(f"{milter.dir}/{name}")
    milter.configure(access="198.51.100\tRELAY\n")
    milter.reload()
    milter.said(f"reloaded {milter.conf}")
    assert relays(milter, "198.51.100.1") and not relays(milter)


@pytest.mark.parametrize("why", ["pipe", "lock"])
def test_a_stop_while_a_reload_hangs(daemon, why):
    milter = daemon()
    if why == "pipe":
        pipe(milter.dir + "/relay-domains")
    else:
        makemap(milter.dir + "/accounts", "alice x\n")
        milter.configure(relay=f"  accounts: {{check: map, map: {milter.dir}/accounts}}")
    with open(milter.dir + "/local-host-names" if why == "pipe"
              else milter.dir + "/accounts.db", "r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        milter.reload()
        time.sleep(0.3)
        assert "map.sock" in os.listdir(milter.dir)
        code, took = milter.stop()
    assert code == 0 and took < 1.0
    assert "reload" not in milter.stderr()
    assert not [f for f in os.listdir(milter.dir) if f.endswith((".sock", ".pid"))]


def test_reload_two_hundred_times_with_sessions_open(daemon):
    milter = daemon(access="192.0.2\tRELAY\n")
    clients = [milter.client() for _ in range(3)]
    for n in range(200):
        milter.process.send_signal(signal.SIGHUP)
        m = clients[n % 3]
        assert m.mail("<a@example.net>").kind == "continue"
        assert m.rcpt(FAR).kind == "continue"
        m.abort()
        if n % 10 == 0:
            assert relays(milter)
    for m in clients:
        m.close()


def test_stop_leaves_nothing_behind(daemon):
    milter = daemon()
    there = set(os.listdir(milter.dir))
    assert {"relay.sock", "map.sock", "policy.sock", "relay.pid"} <= there
    clients = [milter.client() for _ in range(5)]
    lookup = socket.socket(socket.AF_UNIX)
    lookup.connect(milter.map_socket)
    lookup.sendall(b"12:half a requ")
    code, took = milter.stop()
    assert code == 0 and took < 1.0
    assert not [f for f in os.listdir(milter.dir) if f.endswith((".sock", ".pid"))]
    for m in clients:
        m.close()
    lookup.close()


def test_kill_9_and_start_again(unstarted):
    milter = unstarted()
    for _ in range(10):
        milter.start()
        assert not relays(milter)
        milter.process.kill()
        milter.process.wait()
        assert os.path.exists(milter.socket)
    milter.start()


def test_a_second_instance_refuses_to_start(daemon):
    milter = daemon()
    done = run("-c", milter.conf)
    assert done.returncode == 69 and "already running, pid" in done.stderr
    done = run("-f", "-P", milter.dir + "/other.pid", "-c", milter.conf)
    assert done.returncode == 69 and "another process listens" in done.stderr
    assert not relays(milter)


def test_a_second_owner_of_the_grants_refuses_to_start(daemon, unstarted):
    first, second = daemon(), unstarted()
    second.configure(relay=f"  relayers: {{journal: {first.dir}/state}}")
    done = run("-f", "-c", second.conf)
    assert done.returncode == 69
    assert "relayers.lock: another process keeps the grants" in done.stderr
    assert not [f for f in os.listdir(second.dir) if f.endswith((".sock", ".pid"))]
    assert relays(first, "127.0.0.1")


def test_the_parent_returns_when_the_daemon_listens(unstarted):
    milter = unstarted()
    for _ in range(20):
        done = run("-c", milter.conf)
        assert done.returncode == 0, done.stderr
        with mc.Milter(milter.socket) as m:     # at once, no waiting
            m.negotiate()
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(milter.map_socket)
        with open(milter.pid_file) as f:
            pid = int(f.read())
        assert os.getsid(pid) != os.getsid(0)
        os.kill(pid, signal.SIGTERM)
        net.wait_for(lambda: not os.path.exists(milter.pid_file), 2)
        assert not os.path.exists(milter.socket)


def identity(pid):
    with open(f"/proc/{pid}/status") as f:
        fields = dict(line.split(":", 1) for line in f)
    return {k: fields[k].split() for k in ("Uid", "Gid", "Groups", "CapEff")}


def test_root_is_dropped_for_good(unstarted):
    milter = unstarted()
    postern = pwd.getpwnam("postern")
    os.chown(milter.dir, postern.pw_uid, postern.pw_gid)
    milter.start("-u", "postern")
    who = identity(milter.process.pid)
    assert who["Uid"] == [str(postern.pw_uid)] * 4
    assert who["Gid"] == [str(postern.pw_gid)] * 4
    assert who["Groups"] == [str(postern.pw_gid)]
    assert int(who["CapEff"][0], 16) == 0
    info = os.stat(milter.socket)
    assert (info.st_uid, info.st_gid) == (postern.pw_uid, postern.pw_gid)
    assert stat.S_IMODE(info.st_mode) == 0o660
    assert milter.stop()[0] == 0
    assert not os.path.exists(milter.socket) and not os.path.exists(milter.pid_file)


STATE = "  relayers: {file: %s/relayers.db}"


def test_a_folder_that_only_root_can_write_is_left_clean_too(unstarted):
    milter = unstarted()
    milter.configure(relay=STATE % (milter.dir + "/state"))
    milter.start("-u", "postern:smmsp")
    assert os.stat(milter.dir).st_uid == 0
    assert os.stat(milter.socket).st_gid == grp.getgrnam("smmsp").gr_gid
    code, took = milter.stop()
    assert code == 0 and took < 1.0
    gone = lambda: not [f for f in os.listdir(milter.dir)
                        if f.endswith((".sock", ".pid"))]
    net.wait_for(gone, 1)


def test_maps_are_opened_as_the_user(unstarted):
    milter = unstarted()
    os.chmod(milter.dir + "/access", 0o600)
    done = run("-n", "-u", "postern", "-c", milter.conf)
    assert done.returncode == 78 and "relay.access: " in done.stderr
    assert "Permission denied" in done.stderr
    assert run("-n", "-c", milter.conf).returncode == 0
    done = run("-u", "nobody-at-all", "-c", milter.conf)
    assert done.returncode == 78 and "no user nobody-at-all" in done.stderr


def test_owner_group_and_mode_of_each_socket(unstarted):
    milter = unstarted(relay="""
  socket_owner: alice
  socket_group: smmsp
  socket_mode: 0640
  policy_socket_group: postfix
""")
    milter.start()
    for path, group in ((milter.socket, "smmsp"), (milter.map_socket, "smmsp"),
                        (milter.policy_socket, "postfix")):
        info = os.stat(path)
        assert info.st_uid == pwd.getpwnam("alice").pw_uid
        assert info.st_gid == grp.getgrnam(group).gr_gid
        assert stat.S_IMODE(info.st_mode) == 0o640


def test_a_pid_file_must_be_a_file_of_its_own(unstarted):
    milter = unstarted()
    milter.write("precious", "keep me")
    os.link(milter.dir + "/precious", milter.pid_file)
    assert run("-f", "-c", milter.conf).returncode == 73
    os.unlink(milter.pid_file)
    os.symlink(milter.dir + "/precious", milter.pid_file)
    assert run("-f", "-c", milter.conf).returncode == 73
    with open(milter.dir + "/precious") as f:
        assert f.read() == "keep me"


def test_missing_folders_are_made(unstarted):
    milter = unstarted()
    milter.configure(relay=STATE % (milter.dir + "/state"))
    run_dir = milter.dir + "/run"
    milter.start("-u", "postern", "-p", f"unix:{run_dir}/r.sock",
                 "-P", run_dir + "/r.pid")
    assert os.stat(run_dir).st_uid == pwd.getpwnam("postern").pw_uid
    milter.stop()
    assert os.listdir(run_dir) == []


def test_the_decision_log_can_be_rotated(daemon):
    milter = daemon()
    relays(milter)
    os.rename(milter.decisions, milter.decisions + ".1")
    relays(milter)
    assert not os.path.exists(milter.decisions)
    milter.process.send_signal(signal.SIGHUP)
    milter.said("reloaded")
    relays(milter)
    with open(milter.decisions) as new, open(milter.decisions + ".1") as old:
        assert len(new.readlines()) * 2 == len(old.readlines())


@pytest.mark.parametrize("path", ["/dev/full", "/nonexistent/d.jsonl", "/tmp"])
def test_a_decision_log_that_fails_holds_up_no_mail(unstarted, path):
    milter = unstarted()
    milter.write("postern.yaml", open(milter.conf).read().replace(
        milter.decisions, path))
    milter.start()
    for _ in range(20):
        assert not relays(milter)
    assert milter.stderr().count("decision log") == 1     # told once a minute


def test_file_limit_is_raised(daemon):
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        milter = daemon()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    clients = [milter.client() for _ in range(200)]
    for m in clients:
        m.close()


def test_syslog_lines_begin_with_the_queue_id(daemon, log):
    milter = daemon()
    with milter.client() as m:
        m.mail("<a@example.net>", i="14Wxyz000042")
        m.rcpt(FAR, i="14Wxyz000042")
    line = log.wait(r"relay-milter\[\d+\]: 14Wxyz000042: relay: verdict=reject")[0]
    assert "client=192.0.2.4" in line and 'reply="550 5.7.1' in line
    time.sleep(0)
