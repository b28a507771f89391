"""postern replay: recipes over stored mail, and two versions of them."""
import json
import os
import subprocess

import pytest

from harness import program


def postern(*arguments):
    done = subprocess.run([program("postern"), "replay", *arguments],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def mail(tmp_path):
    """An mbox of three, a maildir of two, and two rc files."""
    (tmp_path / "mbox").write_text(
        "".join(f"From s{n}@x.test  Sun Nov 22 01:02:03 2026\nSubject: m{n}\n\n"
                f"body\n>From here\n\n" for n in range(3)))
    for name, text in (("cur/1:2,S", "Subject: spam\r\n\r\nx\r\n"),
                       ("new/2", "Return-Path: <z@y.test>\nSubject: ham\n\nx\n"),
                       ("tmp/3", "Subject: spam\n\nnot there yet\n")):
        path = tmp_path / "maildir" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, text in (("old", ":0\n* ^Subject: m1\n/dev/null\n"),
                       ("new", ":0\n* ^Subject: spam\n{ REJECT=no }\n"
                               ":0\n* ^From [sz][02]?@\n! a@b\n")):
        (tmp_path / name).write_text(text)
        os.chmod(tmp_path / name, 0o644)
    return tmp_path


def test_counts_of_one_file(mail):
    code, out, _ = postern("--rc", str(mail / "old"), "--json", "--counts",
                           str(mail / "mbox"), str(mail / "maildir"))
    assert code == 0
    assert json.loads(out) == {"messages": 5, "changed": 0, "counts": {
        str(mail / "old"): {"accept": 4, "discard": 1}}}


def test_old_and_new(mail):
    code, out, err = postern("--old", str(mail / "old"), "--new", str(mail / "new"),
                             "--progress", str(mail / "mbox"), str(mail / "maildir"))
    assert code == 1
    words = {line.split(": ")[0].replace(str(mail), ""): line.split(": ", 1)[1].split("  (")[0]
             for line in out.splitlines() if "->" in line}
    assert words == {"/mbox#1": "accept -> redirect", "/mbox#2": "discard -> accept",
                     "/mbox#3": "accept -> redirect",
                     "/maildir/cur/1:2,S": "accept -> reject 550 5.7.1",
                     "/maildir/new/2": "accept -> redirect"}
    assert out.endswith("5 messages, 5 changed\n")
    assert "100% 5 messages" in err


def test_what_cannot_be_replayed(mail):
    (mail / "bad").write_text(":0\n| /bin/sh -c x\n")
    os.chmod(mail / "bad", 0o644)
    code, _, err = postern("--rc", str(mail / "bad"), str(mail / "mbox"))
    assert code == 78 and "bad:2: Programs are not run" in err
    assert postern("--rc", str(mail / "old"), str(mail / "none"))[0] == 66
    assert postern("--rc", str(mail / "old"), "--old", "x", "--new", "y", "z")[0] == 64
    assert postern(str(mail / "mbox"))[0] == 64


def test_a_folder_of_rc_files_as_a_table(mail):
    folder = mail / "rcs"
    folder.mkdir()
    (folder / "a").write_text(":0\n* x\n/dev/null\n:0\n* y\nwork\n:0\n* z\n| prog\n")
    (folder / "b").write_text(":0\n! c@d\n")
    done = subprocess.run([program("postern"), "filter", "--compat", str(folder)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert [line.split() for line in done.stdout.splitlines()] == [
        "exact approximated only at delivery file".replace("file", "refused file").split(),
        ["1", "0", "1", "1", str(folder / "a")], ["1", "0", "0", "0", str(folder / "b")]]
