"""postern filter with the settings of the milter."""
import json
import os
import subprocess

import pytest

from harness import program


def postern(*arguments):
    done = subprocess.run([program("postern"), "filter", *map(str, arguments)],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def last(out):
    """What the milter would do in the end."""
    return json.loads(out)["milter"][-1]


@pytest.fixture
def host(tmp_path):
    """A mail folder with settings, a class file, rc files and a message."""
    texts = {
        "postern.yaml": f"mail_dir: {tmp_path}\nfilter:\n  programs: [/usr/bin/test]\n"
                        "  program_user: root\n  dev_null: reject\n  folder: recipient\n"
                        "  folder_header: X-Box\n",
        "relay-domains": "friend.example\n",
        "rc": 'LOOKUP="relay-domains $1"\n:0\n* FOUND ?? .\n{ REJECT="not $SENDER" }\n'
              f"INCLUDERC={tmp_path}/more.rc\n:0\n* WORD ?? included\n"
              "* RECIPIENT ?? ^^alice@\n/dev/null\n",
        "more.rc": "WORD=included\n",
        "programs": ":0\n* ? /usr/bin/test x = x\nwork\n",
        "message": "Subject: x\n\nbody\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        os.chmod(tmp_path / name, 0o644)
    return tmp_path


def test_settings_change_what_actions_mean(host):
    run = ("--rc", host / "rc", "--from", "a@b.test", "--json", host / "message")
    usual = postern(*run, "--rcpt", "alice@here.example", "--mail-dir", host)
    assert usual[0] == 0 and last(usual[1])["do"] == "discard"
    code, out, _ = postern(*run, "--rcpt", "alice@here.example", "--config",
                           host / "postern.yaml")
    assert code == 0 and last(out)["do"] == "reject" and last(out)["code"] == 550
    code, out, _ = postern(*run, "--rcpt", "bob@here.example", "--config",
                           host / "postern.yaml")
    assert last(out)["do"] == "accept"


def test_lookups_are_those_of_the_mail_folder(host):
    run = ("--rc", host / "rc", "--json", "--mail-dir", host)
    code, out, _ = postern(*run, "--from", "friend.example", host / "message")
    assert code == 0 and last(out)["text"] == "not friend.example"
    os.unlink(host / "relay-domains")
    code, out, _ = postern(*run, "--from", "friend.example", host / "message")
    assert last(out)["do"] == "tempfail"


def test_listed_programs_run(host):
    run = ("--rc", host / "programs", "--json", host / "message")
    code, out, _ = postern(*run)
    assert code == 1 and "programs:2: The program of a ?" in json.loads(out)["error"]
    code, out, _ = postern(*run, "--config", host / "postern.yaml")
    assert code == 0 and json.loads(out)["trace"][0]["conds"][0]["ok"]
    assert postern("--compat", host / "programs")[0] == 1
    assert postern("--compat", "--config", host / "postern.yaml", host / "programs")[0] == 0


def test_files_of_another_folder_are_not_included(host, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "rc").write_text((host / "rc").read_text())
    os.chmod(other / "rc", 0o644)
    code, out, err = postern("--rc", other / "rc", "--rcpt", "alice@x", "--json",
                             "--mail-dir", host, host / "message")
    assert code == 0 and last(out)["do"] == "accept"
    assert "outside" in err


def test_mistakes(host):
    assert postern("--rc", host / "rc", "--config", host / "none", host / "message")[0] == 78
    assert postern("--rc", host / "rc")[0] == 64
    assert postern("--compat")[0] == 64
    assert postern("--rc", host / "rc", host / "none")[0] == 66
