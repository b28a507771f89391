"""vsmtprelay on a file by itself: the calls and the output of 1.1.0, and more."""
import calendar
import fcntl
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import threading
import time

import pytest

from harness import TOP, program
from harness.relayers import Host

PAGE = os.path.join(TOP, "man", "vsmtprelay.8")
USAGE = "vsmtprelay 1.1.0 usage (optional items in []):\n"


@pytest.fixture
def host():
    path = tempfile.mkdtemp(prefix="postern-vsmtprelay.")
    yield Host(path)
    shutil.rmtree(path)


def entry(key, value):
    """The two lines of 1.1.0, by another way than the program's own."""
    when = time.asctime(time.gmtime(int(value.split()[0])))
    return f"# timestamp (UTC): {when}\n{key}\t{value}\n"


# -- 1.1.0, to the letter ---------------------------------------------------

def test_no_argument_prints_the_usage(host):
    r = host.run(where=[])
    assert r.returncode == 64 and r.stderr == ""
    assert r.stdout.startswith(USAGE)
    for command in ("add ip [ticks]", "delete ip [...]", "expire [n]",
                    "list [n]", "dump"):
        assert "  vsmtprelay " + command in r.stdout


def test_the_handbooks_example(host):
    host.ok("add", "10.11.12.13", "906502527")
    assert host.ok("list") == (
        "# timestamp (UTC): Tue Sep 22 22:15:27 1998\n"
        "10.11.12.13\t906502527\n")
    assert host.entries() == {"10.11.12.13": "906502527"}


def test_add_takes_the_present_time_and_overwrites(host):
    before = int(time.time())
    assert host.ok("add", "192.0.2.1") == ""
    assert before <= int(host.entries()["192.0.2.1"]) <= time.time()
    host.ok("add", "192.0.2.1", "5")
    assert host.entries() == {"192.0.2.1": "5"}


@pytest.mark.parametrize("ticks", [0, 1, 951782400, 906502527, 2**31 - 1,
                                   2**31, 4102444800, 253402300799])
def test_the_comment_is_asctime(host, ticks):
    host.ok("add", "192.0.2.1", str(ticks))
    assert host.ok("dump") == entry("192.0.2.1", str(ticks))


def test_delete(host):
    for n in range(4):
        host.ok("add", f"192.0.2.{n}")
    host.ok("delete", "192.0.2.0")
    host.ok("delete", "192.0.2.1", "192.0.2.2")
    assert list(host.entries()) == ["192.0.2.3"]
    r = host.run("delete", "192.0.2.9", "192.0.2.3", "192.0.2.8")
    assert r.returncode == 1
    assert r.stderr == "vsmtprelay: 192.0.2.9, 192.0.2.8: not found\n"
    assert host.entries() == {}


# name: seconds before now; list n and expire n select what is n minutes old.
AGES = {"192.0.2.1": 7200, "192.0.2.2": 601, "192.0.2.3": 500,
        "192.0.2.4": 0, "192.0.2.5": -3600}


@pytest.mark.parametrize("minutes,old", [
    ([], "1234"), (["0"], "1234"), (["8"], "123"), (["10"], "12"),
    (["119"], "1"), (["121"], ""), (["1440"], "")])
def test_list_and_expire_select_the_same(host, minutes, old):
    now = int(time.time())
    for addr, age in AGES.items():
        host.ok("add", addr, str(now - age))
    old = [f"192.0.2.{n}" for n in old]
    assert host.keys("list", *minutes) == old
    assert host.keys("expire", *minutes, "--dry-run") == old
    assert len(host.entries()) == 5
    assert host.ok("expire", *minutes) == ""
    assert sorted(host.entries()) == sorted(set(AGES) - set(old))


def test_dump_has_the_future_too(host):
    future = str(int(time.time()) + 5000)
    host.ok("add", "192.0.2.1", "1000")
    host.ok("add", "192.0.2.2", future)
    assert host.keys("list") == ["192.0.2.1"]
    assert host.ok("dump") == entry("192.0.2.1", "1000") + \
        entry("192.0.2.2", future)


def test_makemap_rebuilds_what_dump_prints(host):
    rng = random.Random(1)
    for n in range(200):
        addr = ".".join(str(rng.randrange(256)) for _ in range(4))
        host.ok("add", addr, str(rng.randrange(2**31)))
    host.ok("add", "2001:db8::5", "7")
    host.ok("add", "192.0.2.0/24", "8", "--user", "b b", "--reason", "# x")
    dump = host.ok("dump")
    r = host.makemap(dump, name="again.db")
    assert r.returncode == 0 and "line" not in r.stderr, r
    assert host.entries("again.db") == host.entries()
    assert len(host.entries()) == 202
    again = host.run("dump", where=["-f", os.path.join(host.dir, "again")])
    assert again.stdout == dump


def test_reads_what_makemap_wrote(host):
    assert host.makemap("192.0.2.1\t906502527\n"
                        "IPv6:2001:DB8::7 1000\n"
                        "198.51.100.0/24\t5\n", "-N").returncode == 0
    assert host.keys("dump") == ["192.0.2.1", "198.51.100.0/24",
                                 "ipv6:2001:db8:0:0:0:0:0:7"]
    host.ok("add", "192.0.2.9", "6")     # keeps the form with NUL
    host.ok("delete", "192.0.2.1")
    assert host.keys("dump") == ["192.0.2.9", "198.51.100.0/24",
                                 "ipv6:2001:db8:0:0:0:0:0:7"]


def test_dump_has_what_is_no_grant_too(host):
    """As 1.1.0, which knew nothing of an entry but key and value."""
    foreign = ("192.0.2.1\t906502527\n192.0.2.2\tOK\nanybody\t7 wonders\n"
               "x.example.org\tno number\n192.0.2.3\t5 words user=bob last\n")
    assert host.makemap(foreign).returncode == 0
    before = host.entries()
    dump = host.ok("dump")
    assert dump == (
        entry("192.0.2.1", "906502527") + "# timestamp (UTC): "
        "Thu Jan  1 00:00:05 1970\n192.0.2.3\t5 user=bob words last\n"
        "# no timestamp\n192.0.2.2\tOK\n"
        "# timestamp (UTC): Thu Jan  1 00:00:07 1970\nanybody\t7 wonders\n"
        "# no timestamp\nx.example.org\tno number\n")
    for text in (dump, host.ok("dump", "--makemap")):
        assert host.makemap(text, name="again.db").returncode == 0
        again = host.entries("again.db")
        assert {k: sorted(v.split()) for k, v in again.items()} == \
            {k: sorted(v.split()) for k, v in before.items()}
    lines = [json.loads(line) for line in host.ok("dump", "--json").splitlines()]
    assert {"key": "anybody", "value": "7 wonders"} in lines
    assert host.keys("list") == ["192.0.2.1", "192.0.2.3"]
    # What is added or expires leaves them alone; an address can be deleted.
    host.ok("add", "192.0.2.9", "5")
    host.ok("expire")
    assert host.entries() == {"192.0.2.2": "OK", "anybody": "7 wonders",
                              "x.example.org": "no number"}
    host.ok("delete", "192.0.2.2")
    assert host.keys("dump") == ["anybody", "x.example.org"]


# -- more -------------------------------------------------------------------

@pytest.mark.parametrize("spelling", [
    "2001:db8::5", "2001:DB8:0:0::5", "IPv6:2001:db8:0:0:0:0:0:5",
    "[IPv6:2001:db8::5]"])
def test_any_spelling_of_ipv6(host, spelling):
    host.ok("add", spelling, "1")
    assert host.entries() == {"ipv6:2001:db8:0:0:0:0:0:5": "1"}
    host.ok("delete", spelling)
    assert host.entries() == {}


def test_words_of_an_entry(host):
    now = int(time.time())
    host.ok("add", "192.0.2.1", "--user", "bob", "--service", "imap",
            "--for", "1h30m", "--reason", "visits the office")
    got = json.loads(host.ok("list", "--json"))
    until = got.pop("until")
    ticks = got.pop("ticks")
    assert now <= ticks <= now + 2 and until == ticks + 5400
    assert calendar.timegm(
        time.strptime(got.pop("time"), "%Y-%m-%dT%H:%M:%SZ")) == ticks
    assert got == {"address": "192.0.2.1", "user": "bob", "service": "imap",
                   "reason": "visits the office"}
    assert host.entries()["192.0.2.1"].startswith(
        f"{ticks} user=bob proto=imap until={until} reason=visits%20the")


def test_list_filters_and_forms(host):
    now = int(time.time())
    host.ok("add", "192.0.2.1", str(now - 600), "--user", "bob")
    host.ok("add", "192.0.2.2", str(now - 6000), "--user", "eve")
    assert host.keys("list", "--user", "eve") == ["192.0.2.2"]
    assert host.keys("list", "--newer", "30") == ["192.0.2.1"]
    assert host.ok("list", "--makemap") == (
        f"192.0.2.1\t{now - 600} user=bob\n"
        f"192.0.2.2\t{now - 6000} user=eve\n")
    assert len(host.ok("dump", "--json").splitlines()) == 2


def test_an_end_of_its_own(host):
    now = int(time.time())
    host.ok("add", "192.0.2.1", str(now - 7200), "--for", "7d")
    host.ok("import", stdin=f"192.0.2.2 {now - 60} until={now - 1}\n")
    assert host.keys("list", "60") == ["192.0.2.2"]
    host.ok("expire", "60")            # not the one whose end is to come,
    assert list(host.entries()) == ["192.0.2.1"]
    host.ok("expire")                  # but all means all
    assert host.entries() == {}


def test_show(host):
    now = int(time.time())
    host.ok("add", "192.0.2.0/24", str(now - 60))
    host.ok("add", "192.0.2.7", str(now - 6000), "--user", "bob")
    lines = host.ok("show", "192.0.2.7").splitlines()
    assert lines[1] == f"192.0.2.7\t{now - 6000} user=bob"
    assert lines[2].startswith("# expired since ")
    assert lines[4] == f"192.0.2.0/24\t{now - 60}"
    assert lines[5] == "# valid, until " + \
        time.asctime(time.gmtime(now - 60 + 1800))
    shown = [json.loads(line) for line in
             host.ok("show", "192.0.2.7", "--json").splitlines()]
    assert [(s["address"], s["standing"]) for s in shown] == \
        [("192.0.2.7", "expired"), ("192.0.2.0/24", "valid")]
    r = host.run("show", "198.51.100.1")
    assert (r.returncode, r.stderr) == \
        (1, "vsmtprelay: 198.51.100.1: not found\n")


def test_export_and_import(host):
    for n in range(50):
        host.ok("add", f"192.0.2.{n}", str(1000 + n), "--user", f"ü {n}%")
    host.ok("add", "2001:db8::/48", "9", "--reason", "a = b")
    before = host.entries()
    lines = host.ok("export")
    assert all(isinstance(json.loads(x), dict) for x in lines.splitlines())
    os.unlink(host.db)
    path = os.path.join(host.dir, "lines")
    with open(path, "w") as f:
        f.write("# kept\n\n" + lines + "198.51.100.1  77 user=x\n")
    host.ok("import", path)
    assert host.entries() == dict(before, **{"198.51.100.1": "77 user=x"})


def test_export_keeps_every_octet(host):
    assert host.makemap("192.0.2.1\t5 user=%FFx foo=bar\n192.0.2.2\t6 user=b\n"
                        "192.0.2.3\t7 by hand\n").returncode == 0
    before = host.entries()
    lines = host.ok("export")
    assert [line[0] for line in lines.splitlines()] == ["1", "{", "1"]
    os.unlink(host.db)
    path = os.path.join(host.dir, "lines")
    with open(path, "w") as f:
        f.write(lines)
    host.ok("import", path)
    assert host.entries() == before


@pytest.mark.parametrize("bad,what", [
    ("192.0.2.300 5", "192.0.2.300: not an address or network"),
    ("192.0.2.1", "no time in seconds behind the address"),
    ("192.0.2.1 soon", "no time in seconds behind the address"),
    (" 192.0.2.1 5", "a line begins with the address"),
    ("192.0.2.1/24 5", "192.0.2.1/24: not an address or network (or bits are"
                       " set behind the prefix)"),
    ("0.0.0.0/0 5", "0.0.0.0/0: would open the relay to everybody"),
    ("192.0.2.7 5", "192.0.2.7: again, as in line 2"),
    ("{\"address\":1}", "not a grant: "),
    ("{\"address\":", "not a grant: "),
    ("{\"address\":\"192.0.2.1\",\"ticks\":-1}", "time out of range"),
])
def test_import_reads_all_before_it_adds_any(host, bad, what):
    host.ok("add", "192.0.2.200", "1")
    path = os.path.join(host.dir, "lines")
    with open(path, "w") as f:
        f.write(f"# one\n192.0.2.7 5\n{bad}\n192.0.2.8 5\n")
    r = host.run("import", path)
    assert r.returncode == 65
    assert r.stderr.startswith(f"vsmtprelay: {path}:3: {what}")
    assert r.stderr.count("\n") == 1
    assert list(host.entries()) == ["192.0.2.200"]


@pytest.mark.parametrize("content", [
    b"", b"x", b"192.0.2.1\t5\n", os.urandom(8192), bytes(8192)])
def test_a_foreign_file_is_an_error_and_left_alone(host, content):
    with open(host.db, "wb") as f:
        f.write(content)
    for args in (["list"], ["dump"], ["show", "192.0.2.1"], ["expire"], ["stats"],
                 ["add", "192.0.2.1"], ["delete", "192.0.2.1"]):
        r = host.run(*args)
        assert r.returncode == 65, (args, r)
        assert r.stdout == ""
        assert r.stderr.startswith(f"vsmtprelay: {host.db}: ")
        assert r.stderr.count("\n") == 1
    if content:
        r = host.run("verify", "--repair")
        assert (r.returncode, r.stdout) == (65, ""), r
        assert r.stderr.endswith("another kind of file, left as it is\n")
    with open(host.db, "rb") as f:
        assert f.read() == content
    assert os.listdir(host.dir) == ["relayers.db"]


def test_an_empty_file_is_damaged_not_foreign(host):
    open(host.db, "w").close()
    r = host.run("verify", "--repair")
    assert r.returncode == 0 and "rebuilt, 0 entries saved" in r.stdout
    assert host.entries() == {}


def test_missing_file(host):
    for args in (["list"], ["dump"], ["stats"], ["expire"], ["delete", "192.0.2.1"]):
        r = host.run(*args)
        assert (r.returncode, r.stdout) == (73, "")
        assert r.stderr == f"vsmtprelay: {host.db}: " \
                           "No such file or directory\n"
    assert not os.listdir(host.dir)


def test_verify_and_repair(host):
    host.ok("import", stdin="".join(f"10.0.{n}.1 5\n" for n in range(256)))
    assert host.ok("verify") == "no problems found\n"
    with open(host.db, "r+b") as f:
        f.seek(4096 * 2 + 20)
        f.write(b"\xff\xff")
    r = host.run("verify")
    assert r.returncode == 1 and host.db in r.stderr
    r = host.run("verify", "--repair")
    assert r.returncode == 0 and "rebuilt" in r.stdout, r
    assert host.ok("verify") == "no problems found\n"
    assert os.path.exists(host.db + ".bad")


def test_full_disk(host):
    host.ok("add", "192.0.2.1", "5")
    small = os.path.join(host.dir, "small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small],
                   check=True)
    try:
        full = Host(small)
        full.ok("add", "192.0.2.1", "5")
        codes = [full.run("import", stdin="".join(
            f"10.{n}.{i}.1 5\n" for i in range(256))).returncode
            for n in range(10)]
        assert set(codes) == {0, 73}
        assert len(full.entries()) == 1 + 256 * codes.count(0)
        assert full.ok("verify") == "no problems found\n"
        assert os.listdir(small) == ["relayers.db"]
    finally:
        subprocess.run(["umount", small], check=True)


def test_mail_dir_and_configuration(host):
    where = ["--mail-dir", host.dir]
    r = host.run("add", "192.0.2.1", "5", where=where)
    assert (r.returncode, r.stderr) == (0, "")
    assert host.entries() == {"192.0.2.1": "5"}
    other = os.path.join(host.dir, "other.db")
    conf = os.path.join(host.dir, "x.yaml")
    with open(conf, "w") as f:
        f.write(f"mail_dir: {host.dir}\nstate_dir: {host.dir}\n"
                f"relay:\n  control_socket: unix:{host.dir}/no.sock\n"
                f"  relayers: {{file: {other}}}\n")
    r = host.run("add", "192.0.2.2", "5", where=["-c", conf])
    assert (r.returncode, r.stderr) == (0, "")
    assert host.entries("other.db") == {"192.0.2.2": "5"}
    with open(conf, "a") as f:
        f.write("nonsense: 1\n")
    r = host.run("list", where=["-c", conf])
    assert r.returncode == 78 and f"{conf}:" in r.stderr


def test_a_lock_that_is_not_given_up(host):
    """A writer waits for makemap, and says so when it has waited enough."""
    host.ok("add", "192.0.2.1", "5")
    with open(host.db) as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        start = time.monotonic()
        adding = subprocess.Popen([program("vsmtprelay"), "-f", host.db, "add",
                                   "192.0.2.2", "5"])
        time.sleep(0.3)
        assert adding.poll() is None
        fcntl.flock(f, fcntl.LOCK_UN)
        assert adding.wait(10) == 0 and time.monotonic() - start < 5
    assert len(host.entries()) == 2


def test_nobody_at_the_socket(host):
    r = host.run("list", where=["-s", os.path.join(host.dir, "no.sock")])
    assert r.returncode == 75 and "no.sock" in r.stderr


# -- several writers --------------------------------------------------------

def test_eight_writers_and_makemap_lose_nothing(host):
    assert host.makemap("".join(f"10.0.{n // 256}.{n % 256}\t1\n"
                                for n in range(2000))).returncode == 0
    acknowledged, makemaps, lock = [], [], threading.Lock()

    def writer(w):
        for i in range(15):
            addr = f"10.1.{w}.{i}"
            if host.run("add", addr, "7").returncode == 0:
                with lock:
                    acknowledged.append(addr)

    def mapper():
        for i in range(30):
            r = host.makemap(f"10.2.0.{i}\t9\n", "-o")
            if r.returncode == 0:
                makemaps.append(f"10.2.0.{i}")

    threads = [threading.Thread(target=writer, args=(w,)) for w in range(8)]
    threads.append(threading.Thread(target=mapper))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(acknowledged) == 120
    have = host.entries()
    assert [a for a in acknowledged if a not in have] == []
    assert [a for a in makemaps if a not in have] == []
    assert sum(k.startswith("10.0.") for k in have) == 2000
    assert host.ok("verify") == "no problems found\n"


# -- the manual page --------------------------------------------------------

def flags_in_help():
    flags = {}
    commands = ("add delete expire list dump show import export watch stats"
                " verify").split()
    for command in [None] + commands:
        args = [command] if command else []
        text = subprocess.run([program("vsmtprelay"), *args, "--help"],
                              capture_output=True, text=True,
                              check=True).stdout
        flags[command] = set(re.findall(r"^ +(-[^ ]+)", text, re.M))
    return flags


def test_page_and_help_agree():
    with open(PAGE) as f:
        page = f.read().replace("\\-", "-")
    in_page = set()
    for line in re.findall(r"^\.(?:It|Op|Oo|Fl|Ar|Cm) .*", page, re.M):
        words = line.split()
        for i, word in enumerate(words[:-1]):
            if word == "Fl":
                in_page.add("-" + words[i + 1])
    in_help = {flag for group in flags_in_help().values()
               for names in group for flag in names.split(",")}
    assert in_help == in_page
    for command in flags_in_help():
        if command:
            assert f".It Cm {command}" in page
