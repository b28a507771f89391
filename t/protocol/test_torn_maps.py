"""Maps that a makemap in place left half written when it was killed."""
import os
import subprocess
import time

from harness.relay_milter import RelayMilter, vsmtprelay
from harness.sendmail import MAKEMAP, makemap
from test_maps import Client

ENTRIES, FED = 60000, 51200


def lines(key, value, count=ENTRIES):
    return "".join(f"{key}10.{i >> 16}.{i >> 8 & 255}.{i & 255}\t{value}\n"
                   for i in range(count))


def killed_makemap(path, text):
    """Feeds makemap all of the text, which then waits for more, and kills it."""
    process = subprocess.Popen([MAKEMAP, "-C", "/dev/null", "hash", path],
                               stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdin.write(text.encode())
    process.stdin.flush()
    end, size = time.time() + 20, -1
    while time.time() < end and (size != os.path.getsize(path + ".db") or size < 100000):
        size = os.path.getsize(path + ".db")
        time.sleep(0.3)
    process.kill()
    process.wait()


def relay_milter(directory):
    mail = str(directory) + "/mail"
    os.makedirs(mail)
    for name in ("local-host-names", "relay-domains"):
        with open(f"{mail}/{name}", "w") as f:
            f.write("example.org\n" if name[0] == "l" else "")
    makemap(mail + "/access", lines("Connect:", "REJECT"))
    return RelayMilter(str(directory), mail, "  features: [access_db]\n"), mail


def wait_for(holds, seconds=20):
    end = time.time() + seconds
    while not holds() and time.time() < end:
        time.sleep(0.1)
    return holds()


def test_access_db_of_a_killed_makemap_is_4xx(tmp_path):
    milter, mail = relay_milter(tmp_path)

    def action():
        with Client(milter.policy_socket) as client:
            return client.action(protocol_state="RCPT", client_address="10.0.0.7",
                                 client_name="c.example.com", sender="a@b.example",
                                 recipient="x@example.org")

    with milter:
        assert "Access denied" in str(action())
        killed_makemap(mail + "/access", lines("Connect:", "REJECT", FED))
        assert "451" in str(action())
        with Client(milter.map_socket) as client:
            assert client.ask("access connect:10.0.0.7").startswith("TEMP")
        makemap(mail + "/access", lines("Connect:", "REJECT"))
        assert "Access denied" in str(action())


def test_relayers_db_of_a_killed_makemap_is_written_anew(tmp_path):
    milter, mail = relay_milter(tmp_path)
    now = int(time.time())
    makemap(mail + "/relayers", lines("", now))
    with milter:
        def grants():
            return vsmtprelay("stats", "-s", milter.control_socket)[1]

        assert f"grants\t{ENTRIES}\n" in grants()
        killed_makemap(mail + "/relayers", lines("", now, FED))
        assert wait_for(lambda: os.path.exists(mail + "/relayers.db.bad"))
        assert wait_for(lambda: "written anew from memory" in milter.stderr())
        assert f"grants\t{ENTRIES}\n" in grants()
        assert vsmtprelay("verify", "-s", milter.control_socket)[0] == 0
    code, out, _ = vsmtprelay("-f", mail + "/relayers.db", "stats")
    assert code == 0 and f"grants\t{ENTRIES}\n" in out
