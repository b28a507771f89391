"""postern explain and sendmail -bv trust the same .forward and :include: files."""
import os
import shutil

import pytest

from harness.mail_flow import by_sendmail, by_us, with_logins
from harness.sendmail import Sendmail

UID, HOME = 2050, "/home/zoe"
BLAME = "define(`confDONT_BLAME_SENDMAIL', `{}')dnl\n"
LIST = "bob\n|/bin/cat\n/var/tmp/x\n"


def put(path, text, uid, mode):
    with open(path, "w", encoding="latin1") as f:
        f.write(text)
    os.chown(path, uid, 0)
    os.chmod(path, mode)


@pytest.fixture
def zoe(site, resolver):
    """-> a function that sends to her, with her files as it is told."""
    def told(text="bob\n", mode=0o644, uid=UID, home=0o755, home_uid=UID, top=0o755,
             path=HOME + "/.forward", mc="", change=None):
        mta = Sendmail(site, mc=mc)
        with_logins(mta)
        with open("/etc/passwd", "r+", encoding="ascii") as f:
            if "zoe:" not in f.read():
                f.write(f"zoe:x:{UID}:{UID}::{HOME}:/bin/sh\n")
        os.mkdir(HOME)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        put(path, text, uid, mode)
        if change:
            change(path)
        os.chown(HOME, home_uid, UID)
        os.chmod(HOME, home)
        os.chmod("/home", top)
        return by_sendmail(mta, "zoe"), by_us(mta, "zoe")
    yield told
    os.chmod("/home", 0o755)
    shutil.rmtree(HOME, ignore_errors=True)
    shutil.rmtree("/var/forward", ignore_errors=True)


def linked(path):
    os.rename(path, HOME + "/real")
    os.symlink(HOME + "/real", path)


def a_folder(path):
    os.unlink(path)
    os.mkdir(path)


@pytest.mark.parametrize("how,read", [
    ({}, True), ({"mode": 0o600}, True), ({"mode": 0}, False), ({"mode": 0o664}, False),
    ({"mode": 0o646}, False), ({"uid": 0}, True), ({"uid": 2001}, False),
    ({"home": 0o777}, False), ({"home": 0o775}, False), ({"home": 0o1777}, True),
    ({"home": 0o700}, True), ({"home_uid": 2001}, True), ({"top": 0o777}, False),
    ({"top": 0o775}, False), ({"top": 0o1777}, True), ({"change": linked}, True),
    ({"change": a_folder}, False),
    ({"path": "/var/forward/zoe", "mc": "define(`confFORWARD_PATH', `/var/forward/$u')dnl\n"},
     True),
    ({"mode": 0o664, "mc": BLAME.format("TrustStickyBit,GroupWritableForwardFile")}, True),
    ({"home": 0o777, "mc": BLAME.format("TrustStickyBit,ForwardFileInUnsafeDirPath")}, True)])
def test_whose_forward_is_read(zoe, how, read):
    theirs, ours = zoe(**how)
    assert theirs == ours
    assert (("local", "", "bob") in ours) == read


@pytest.mark.parametrize("text", [
    "", "# x\n\n", "zoe\n", "\\zoe, bob\n", "bob\r\nalice\r\n", "  bob\n\t alice , ghost\n", "bob",
    '"|/bin/cat a b", "\\zoe"\n', 'Bob <bob@example.org>, "X, Y" <alice>\n', "/dev/null\n",
    "<@a.example:bob@example.org>\n", '"bob\nalice\n', "(bob\nalice\n", "<bob\nalice\n",
    "group: bob, alice;\n", "bob alice\n", "!bob\n", "@example.org\n", "%h\n", "b\xe9\n",
    "bob #@# remark\n", "bob#@# none\n", "|/bin/cat, bob\n", "\"|/bin/sh -c 'a, b'\"\n"])
def test_what_a_forward_says(zoe, text):
    theirs, ours = zoe(text)
    assert theirs == ours


@pytest.mark.parametrize("mode,uid,folder,text", [
    (0o644, 0, 0o755, LIST), (0o600, 0, 0o755, LIST), (0o664, 0, 0o755, LIST),
    (0o646, 0, 0o755, LIST), (0o644, 2001, 0o755, LIST), (0o644, 3333, 0o755, LIST),
    (0o644, 0, 0o777, LIST), (0o644, 0, 0o775, LIST), (0o644, 0, 0o1777, LIST),
    (0o644, 0, 0o700, LIST), (0o644, 0, 0o755, ""), (0o644, 0, 0o755, "list\n")])
def test_whose_list_is_read(site, resolver, mode, uid, folder, text):
    mta = Sendmail(site)
    os.mkdir(site + "/lists")
    put(site + "/lists/one", text, uid, mode)
    os.chmod(site + "/lists", folder)
    mta.write("aliases", f"list: :include:{site}/lists/one\ngone: :include:{site}/none\n"
                         f"rel: :include:x/y\ndir: :include:{site}/lists\n")
    with_logins(mta)
    for name in ("list", "gone", "rel", "dir"):
        assert by_sendmail(mta, name) == by_us(mta, name)
