"""What a milter refuses to start with, and -n tells beforehand."""
import json
import os
import socket
import subprocess

import pytest

from harness import net, program


def run(name, *args):
    return subprocess.run([program(name), *args], text=True, timeout=20,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


STRANGER, FAR = "198.51.100.7", "x@remote.example"


def asked(milter):
    """What the milter and the policy service say of a mail that nobody may send."""
    with milter.client(address=STRANGER) as m:
        assert m.mail("<a@b.example>").kind == "continue"
        by_milter = m.rcpt(f"<{FAR}>")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(milter.policy_socket)
        s.sendall(f"request=smtpd_access_policy\nprotocol_state=RCPT\nsender=a@b.example\n"
                  f"client_address={STRANGER}\nrecipient={FAR}\n\n".encode())
        by_policy = s.recv(4096).decode()
    assert by_milter.text.startswith("550 5.7.1 ") and "550 5.7.1 " in by_policy
    return by_milter.text, by_policy


def one_line(done, conf, name, words):
    """It ended with 78, and this is all that it said."""
    assert done.returncode == 78, done
    assert done.stderr.startswith(f"{name}: {conf}:") and words in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


# of the configuration -> program, words of the error
NAMES = [
    ("user: nosuch", "*", "1: user: no user nosuch"),
    ("user: root:nosuch", "*", "1: user: no group nosuch"),
    ("relay: {socket_owner: nosuch}", "relay-milter",
     "1: relay.socket_owner: no user nosuch"),
    ("relay: {socket_owner: 'root:root'}", "relay-milter",
     "1: relay.socket_owner: no user root:root"),
    ("relay: {socket_group: nosuch}", "relay-milter",
     "1: relay.socket_group: no group nosuch"),
    ("relay:\n  control_socket_group: nosuch", "relay-milter",
     "2: relay.control_socket_group: no group nosuch"),
    ("relay: {login: {socket_owner: nosuch}}", "relay-milter",
     "1: relay.login.socket_owner: no user nosuch"),
    ("virus: {socket_owner: nosuch}", "virus-milter",
     "1: virus.socket_owner: no user nosuch"),
    ("virus: {control_group: nosuch}", "virus-milter",
     "1: virus.control_group: no group nosuch"),
    ("filter: {socket_group: nosuch}", "filter-milter",
     "1: filter.socket_group: no group nosuch"),
    ("filter: {program_user: nosuch}", "filter-milter",
     "1: filter.program_user: no user nosuch"),
]


@pytest.mark.parametrize("yaml, name, words", [
    (yaml, one, words) for yaml, name, words in NAMES for one in
    (("relay-milter", "virus-milter", "filter-milter") if name == "*"
     else (name,))])
@pytest.mark.parametrize("flag", ["-n", "-f"])
def test_a_user_or_group_that_is_not_there(unstarted, flag, yaml, name, words):
    milter = unstarted()
    milter.write("postern.yaml", yaml + "\n")
    one_line(run(name, "-c", milter.conf, flag), milter.conf, name, words)


def test_the_user_of_the_command_line_counts(unstarted):
    milter = unstarted(top="user: nosuch")
    milter.start("-u", "root")
    done = run("relay-milter", "-n", "-u", "nobody-else", "-c", milter.conf)
    assert done.returncode == 78
    assert done.stderr == "relay-milter: -u: no user nobody-else\n"


def test_a_reload_finds_a_name_that_is_not_there(daemon):
    milter = daemon()
    milter.configure(relay="  socket_owner: nosuch")
    milter.reload()
    milter.said("relay.socket_owner: no user nosuch")
    milter.said("reload failed: the old configuration stays")
    assert f"reloaded {milter.conf}" not in milter.stderr()
    milter.configure()
    milter.reload()
    milter.said(f"reloaded {milter.conf}")


def test_promiscuous_relay_is_named_and_not_obeyed(daemon):
    milter = daemon(features="[access_db]")
    plain = asked(milter)
    milter.configure(features="[access_db, promiscuous_relay]")
    told = (f"{milter.conf}:8: relay.features: promiscuous_relay is ignored: "
            "relay-milter relays for no stranger")
    done = run("relay-milter", "-n", "-c", milter.conf)
    assert (done.returncode, done.stderr) == (0, f"relay-milter: {told}\n")
    milter.reload()
    milter.said(f"reloaded {milter.conf}")
    assert milter.stderr().count(told) == 1
    assert asked(milter) == plain
    # sendmail itself takes it, and that is what is explained
    done = run("postern", "explain", "--config", milter.conf, "--json",
               "--client-addr", STRANGER, "--from", "a@b.example", "--rcpt", FAR)
    assert json.loads(done.stdout)["relay"] and told in done.stderr, done


def test_explain_for_several_recipients(unstarted):
    milter = unstarted()

    def explained(*rcpts):
        done = run("postern", "explain", "--config", milter.conf, "--json", "--client-addr",
                   STRANGER, "--from", "a@b.example", *[f"--rcpt={one}" for one in rcpts])
        return done.returncode, json.loads(done.stdout)

    for rcpts in ("bob@example.org", FAR), (FAR, "bob@example.org"):
        code, said = explained(*rcpts)
        assert (code, said["verdict"], said["code"]) == (1, "reject", 550)
        assert [one["verdict"] for one in said["recipients"]] == [
            "accept" if "bob" in one else "reject" for one in rcpts]
    code, said = explained("bob@example.org", "eve@example.org")
    assert (code, said["verdict"], said["relay"]) == (0, "accept", False)


def tenants(milter):
    """A mail directory of root's, a state folder of nobody's."""
    os.mkdir(milter.dir + "/state")
    milter.write("decisions.jsonl", "")
    for name in "state", "decisions.jsonl":
        os.chown(os.path.join(milter.dir, name), 65534, 65534)
    return "user: nobody"


@pytest.mark.parametrize("flag", ["-n", "-f"])
@pytest.mark.parametrize("relay, words, top", [
    ("", "relay.relayers.file: {dir}/: Permission denied", tenants),
    ("  relayers: {file: /dev/null}",
     "relay.relayers.file: /dev/null: not a regular file", None),
    ("  relayers: {file: /nonexistent/relayers.db}",
     "relay.relayers.file: /nonexistent/: No such file or directory", None),
    ("  relayers: {store: redis, url: 'http://x'}",
     "relay.relayers.url: is not redis://", None),
    ("  accounts: {check: map, map: /nonexistent}",
     "relay.accounts.map: /nonexistent.db: No such file or directory", None),
])
def test_check_and_start_agree(unstarted, flag, relay, words, top):
    milter = unstarted()
    milter.configure(relay=relay, top=top(milter) if top else "")
    done = run("relay-milter", "-c", milter.conf, flag)
    one_line(done, milter.conf, "relay-milter", words.format(dir=milter.dir))
    # In a folder of root's, what was bound goes a moment after the milter.
    net.wait_for(lambda: not [f for f in os.listdir(milter.dir)
                              if f.endswith((".sock", ".pid"))], 5)


def test_a_state_folder_that_a_start_makes_is_no_mistake(unstarted):
    milter = unstarted()
    milter.configure(relay="  relayers: {file: %s/state/relayers.db}" % milter.dir)
    assert run("relay-milter", "-n", "-c", milter.conf).returncode == 0
    assert not os.path.exists(milter.dir + "/state")
    milter.start()


@pytest.mark.parametrize("optional", [False, True])
def test_an_access_text_that_is_missing(unstarted, optional):
    milter = unstarted(relay=f"  access_optional: {str(optional).lower()}")
    os.unlink(milter.dir + "/access")
    done = run("relay-milter", "-n", "-c", milter.conf)
    if optional:
        assert (done.returncode, done.stderr) == (0, "")
        milter.start()
    else:
        one_line(done, milter.conf, "relay-milter",
                 f"{milter.dir}/access: No such file or directory")


def test_an_optional_text_must_be_readable_if_it_is_there(unstarted):
    milter = unstarted(relay="  access_optional: true")
    os.unlink(milter.dir + "/access")
    os.mkdir(milter.dir + "/access")
    one_line(run("relay-milter", "-n", "-c", milter.conf), milter.conf,
             "relay-milter", "relay.access: ")
