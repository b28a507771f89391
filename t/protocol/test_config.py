"""postern config: the settings in force, and where they come from."""
import json
import subprocess

import pytest

from harness import program


@pytest.fixture
def conf(site):
    path = site + "/postern.yaml"
    with open(path, "w", encoding="ascii") as f:
        f.write("mail_dir: /m\nrelay:\n  relayers: {window: 1h}\n"
                "  login: {follow: [{file: /var/log/a}]}\n")
    return path


def config(path, *args):
    """-> (exit code, output, errors)"""
    done = subprocess.run([program("postern"), "config", "--config", path, *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout, done.stderr


def test_all_settings(conf, site):
    code, said, _ = config(conf, "--domain", "mx.example.org")
    assert code == 0
    assert f"\nmail_dir: /m  # {conf}:1\n" in "\n" + said
    assert f"        window: 1h  # {conf}:3\n" in said
    assert "    domain: mx.example.org  # command line\n" in said
    assert "    access: /m/access  # default\n" in said
    # It is a configuration that means the same.
    with open(site + "/again.yaml", "w", encoding="ascii") as f:
        f.write(said)

    def values(path, *args):
        said = config(path, "--json", *args)[1]
        return [(s["name"], s["value"]) for s in map(json.loads, said.splitlines())]

    assert values(site + "/again.yaml") == values(conf, "--domain", "mx.example.org")


def test_some_settings(conf):
    assert config(conf, "relay.relayers.window") == (
        0, f"relay.relayers.window: 1h  # {conf}:3\n", "")
    code, said, _ = config(conf, "relay.login.follow", "log")
    assert code == 0 and said.splitlines() == [
        f"relay.login.follow[0].file: /var/log/a  # {conf}:4",
        "relay.login.follow[0].format: dovecot  # default",
        "log.facility: mail  # default", "log.level: info  # default"]
    assert json.loads(config(conf, "--json", "relay.map_workers")[1]) == {
        "name": "relay.map_workers", "value": 4, "origin": "default"}
    assert json.loads(config(conf, "--json", "user")[1])["value"] is None
    assert config(conf, "user")[0] == 1
    assert config(conf, "relay.nonsense") == (
        64, "", "postern: there is no setting relay.nonsense\n")


def test_a_mistake_in_the_file(conf):
    with open(conf, "a", encoding="ascii") as f:
        f.write("rely: {}\n")
    code, said, errors = config(conf)
    assert (code, said) == (78, "")
    assert f"{conf}:5: unknown setting rely" in errors
