"""relay-milter on a disk that is full: mail waits, nobody relays who may not,
and nothing that was acknowledged is lost."""
import json
import os
import socket
import subprocess

import pytest

from harness import net
from test_grants import FAR, control, looked_up, relays, vsmtprelay
from test_maps import Client


@pytest.fixture
def small(unstarted):
    """-> (RelayMilter that does not run, a folder on a disk of 256 KB)"""
    milter = unstarted()
    disk = milter.dir + "/small"
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk],
                   check=True)
    yield milter, disk
    if milter.process:
        milter.stop()
    subprocess.run(["umount", disk], check=True)


def fill(disk):
    with open(disk + "/filler", "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass


def written(milter):
    """Waits until relayers.db has what the journal has."""
    net.wait_for(lambda: control(milter, command="stats")["pending"] == 0, 10)


def code_for(milter, address):
    with milter.client(address=address) as m:
        assert m.mail("<a@example.net>").kind == "continue"
        reply = m.rcpt(FAR)
        return 250 if reply.kind == "continue" else reply.code


def crash(milter):
    milter.process.kill()
    milter.process.wait()
    milter.start()


def login(milter, address):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(b"postern-login 1\nip=%s\nuser=bob\n" % address.encode(),
                 milter.dir + "/login.sock")


def test_no_room_for_journal_and_file(small):
    milter, disk = small
    milter.configure(relay=f"""
  relayers: {{file: {disk}/relayers.db, journal: {disk}, window: 1h}}
  login: {{datagram_socket: 'unix:{milter.dir}/login.sock'}}
""")
    milter.start()
    kept = [f"192.0.2.{n}" for n in range(3)]
    for address in kept:
        assert vsmtprelay(milter, "add", address)[0] == 0
    written(milter)
    fill(disk)
    for n in range(3, 250):
        code, said = vsmtprelay(milter, "add", f"192.0.2.{n}")
        if code != 0:
            break
        kept.append(f"192.0.2.{n}")
    assert code == 73 and "No space left" in said, said
    refused, reported, stranger = f"192.0.2.{n}", "198.51.100.9", "198.51.100.8"
    login(milter, reported)
    milter.said(f"login: no grant: client={reported}")
    for address in (refused, reported):
        assert code_for(milter, address) == 451
        assert looked_up(milter, address).startswith("TEMP ")
        with Client(milter.policy_socket) as c:
            assert c.action(protocol_state="RCPT", client_address=address,
                            sender="a@b.c", recipient=FAR[1:-1]
                            ).startswith("451 4.3.0 ")
    assert code_for(milter, stranger) == 550
    assert looked_up(milter, stranger) == "NOTFOUND "
    assert control(milter, command="stats")["last_error"]
    for _ in range(2):      # and now it is killed, with the disk still full
        assert all(relays(milter, address) for address in kept)
        crash(milter)
    assert code_for(milter, stranger) == 550
    login(milter, reported)
    net.wait_for(lambda: code_for(milter, reported) == 451, 5)
    os.unlink(disk + "/filler")
    # The login of before is not forgotten.
    net.wait_for(lambda: relays(milter, reported), 10)
    assert vsmtprelay(milter, "add", refused)[0] == 0
    crash(milter)
    assert all(relays(milter, a) for a in kept + [reported, refused])
    written(milter)
    subprocess.run(["db5.3_verify", "-q", disk + "/relayers.db"], check=True)
    assert vsmtprelay(milter, "verify") == (0, "no problems found\n")


def test_no_room_for_the_file_only(small):
    milter, disk = small
    milter.configure(
        relay=f"  relayers: {{file: {disk}/relayers.db, window: 1h}}")
    milter.start()
    assert vsmtprelay(milter, "add", "192.0.2.1")[0] == 0
    written(milter)
    fill(disk)
    for n in range(2, 40):      # the journal is elsewhere: all is kept
        assert vsmtprelay(milter, "add", f"192.0.2.{n}")[0] == 0
    net.wait_for(lambda: "No space left" in control(
        milter, command="stats")["last_error"], 10)
    assert milter.stderr().count("No space left") < 4     # not at each try
    crash(milter)
    assert all(relays(milter, f"192.0.2.{n}") for n in range(1, 40))
    assert sorted(os.listdir(disk)) == ["filler", "relayers.db"]
    os.unlink(disk + "/filler")
    net.wait_for(lambda: control(milter, command="stats")["pending"] == 0, 40)
    dump = vsmtprelay(milter, "dump", "--json")[1]
    assert len([json.loads(line) for line in dump.splitlines()]) == 39
    subprocess.run(["db5.3_verify", "-q", disk + "/relayers.db"], check=True)
