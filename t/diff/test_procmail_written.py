"""Recipes written by hand in both, real procmail and our engine: what random
ones seldom hold, and each of the differences that filterrc(5) lists.
"""
import collections

import pytest

from harness import procmail
from harness.procmail_compare import (  # noqa: F401
    as_log, ask_engine, compare, own_host)

MAIL = ("Return-Path: <x@y>\nFrom: Anna <anna@a.test>\nSubject: [list] money,\n"
        "  now\nTo: foo@b.test\nX-Spam: ***\n\nfirst line\nFrom the start\n\nlast\n")

WRITTEN = {
    "scores add up and the loss is final":
        "* 1^1 [a-m]\n* -1^.5 B ?? l\n* > 100\n",
    "nothing matched keeps MATCH": "* ()\\/zzz\n",
    "a negated condition sets MATCH": "* ! ^Subject:\\/.*\n",
    "MATCH runs over a folded line": "* ^Subject:[ ]*\\/.*\n",
    "MATCH holds a newline": "* ^Subject:\\/.*$\n",
    "word ends eat a byte": "* \\<money\\>\n* ()\\<now\\>\n",
    "two newlines": "* HB ?? ^$\n",
    "start and end": "* ^^From \n* B ?? last$^^\n",
    "size of a variable": "* MATCH ?? < 1\n",
    "weights of sizes": "* 2^1 > 100\n* -1^2 < 50\n",
    "infinite": "* 1^1\n* 5^0 foo\n",
    "daemon": "* ! ^FROM_DAEMON\n* ^TO_foo@b\n* ! ^TOo@b\n",
    "expanded": "* $ ! ^Subject:.*$\\EMPTY\n",
    "case": "* ! D ?? x\n",
}


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_written_recipes(own_host, name):
    cases = [{"rc": f"A=a.b\n:0 {flags}\n{WRITTEN[name]}box\nS=$=\n",
              "message": MAIL, "from": "x@y.test"}
             for flags in ("", "D", "B", "HB", "c", "DBc")]
    answers = ask_engine(cases)
    assert not [one for one in answers if "error" in one]
    bad, hung, compared = compare(cases, answers)
    assert not bad and not hung and compared == len(cases)


def test_folders_that_begin_with_a_name(own_host):
    """What looks like the start of a capture is read by itself."""
    cases = [{"rc": f'A="{value}"\n:0\n{line}\n', "message": MAIL, "from": "x@y.test"}
             for value in (" b", "b ", "b c", "", " ")
             for line in ("x$A/", "x$A", "$A/", "x-$A/", '"x"$A/', "x${A}y/")]
    bad, hung, compared = compare(cases, ask_engine(cases))
    assert not bad and not hung and compared == len(cases)


def test_clones_do_what_their_parents_do(own_host):
    """Their logs mix, so only what is in them is compared."""
    case = {"rc": ":0 wc\n{\nA=in\n:0 wc\n{\nB=$A\n}\n:0c\nbox/\n}\n:0 wc\n{\n"
                  "EXITCODE=9\nHOST\n}\n:0 e\n{\nC=failed\n}\n:0 E\n! a@b\n",
            "message": MAIL, "from": "x@y.test"}
    answer = ask_engine([case])[0]
    real = procmail.Procmail()
    try:
        log = real.answer(case)
    finally:
        real.close()
    ours = collections.Counter(
        tuple(pair) for one in [answer, *answer["clones"]]
        for pair in one["assigns"])
    assert len(answer["clones"]) >= 3
    ours[("EXITCODE", "0")] = 0
    assert collections.Counter(log["assigns"]) == +ours


def both(rc, message):
    """-> (what procmail's log says, what the engine says in that form)"""
    case = {"rc": rc, "message": message, "from": "x@y.test"}
    real = procmail.Procmail()
    try:
        return real.answer(case), as_log(ask_engine([case])[0])
    finally:
        real.close()


def test_listed_formail_leaves_the_body(own_host):
    """The real one puts > before From lines unless it has -b."""
    text = "Subject: x\n\nFrom here\nFrom there\n"
    for option, more in (("", 2), ("-b ", 0)):
        rc = f":0 fw\n| formail {option}-I 'X-A: b'\n:0 c\nmd/\n"
        real, ours = both(rc, text)
        assert real["folders"][0][1] - ours["folders"][0][1] == more


def test_listed_empty_message_has_a_body(own_host):
    real, ours = both(":0 c\n* 1^1 B ?? ^\nbox\n", "\n")
    assert real["conditions"] == [("^", False, 0, 0, False)]
    assert ours["conditions"][0][2] == 2147483647
    for text in ("", "a: b\n"):
        real, ours = both(":0 c\n* 1^1 B ?? ^\nbox\n", text)
        assert real["conditions"] == ours["conditions"]


REFUSED = {
    ":0\n* x\n\n:0\nbox\n": "Missing action",
    ":0\n* (x\nbox\n": "Invalid regexp",
    ":0\n| /bin/mail x\n": "not run",
    "A=`date`\n": "not run",
    ":0\n* ? test -f x\nbox\n": "not run",
    "A=${B%c}\n": "Bad substitution",
    ":0\n{\n": "Missing closing brace",
    "}\n": "Closing brace unexpected",
    ":0\n|\n": "without a program",
    "TRAP=/bin/x\n": "TRAP",
}


@pytest.mark.parametrize("rc", sorted(REFUSED))
def test_what_is_refused_says_where_and_why(rc):
    answer = ask_engine([{"rc": "# first\n" + rc, "message": MAIL,
                          "from": "a@b"}])[0]
    where, line, _ = answer["error"].split(":", 2)
    assert where == "rc" and int(line) >= 2
    assert REFUSED[rc] in answer["error"]


def test_endless_patterns_end(own_host):
    """procmail never comes back from these; the engine does."""
    for pattern in ("(b*(c)*)+.+", "(b*c*)+x+", "((()*)*)x1*"):
        case = {"rc": f":0B\n* {pattern}\nbox\n",
                "message": MAIL + "bcbcbcbcx", "from": "a@b"}
        answer = ask_engine([case])[0]
        assert "ok" in answer["trace"][0]["conds"][0]


LINES_BEHIND = "S=$=\n:0 a\n{\nT=1\n}\n:0 e\n{\nU=1\n}\n:0 E\nlast\n"
ACTIONS = ("box", "md/", "mh/.", "dir", "/dev/null", "! a@b", "md/ dir",
           "box rest", "V=| formail -xTo:", "| formail -b -I 'X-A: b'",
           "{\nQ=1\n}\n")


def test_flags_and_locks_of_all_actions(own_host):
    """What a flag or lock does where it has no meaning, and what is said."""
    flags = [*"hbfcwWirE", "fc", "fhc", "fhw", "ci", "rb", "wW", ""]
    locks = ("", ":", ":x.lock", ": no/x", ":x.lock rest", "::")
    cases = [{"rc": f":0 {flag}{lock}\n{condition}{action}\n{LINES_BEHIND}",
              "message": MAIL, "from": "x@y.test", "dirs": ["dir"]}
             for action in ACTIONS for n, flag in enumerate(flags)
             for lock in (locks[n % 6], locks[(n + 3) % 6])
             for condition in ("* ^Subject\n", "* zzz\n")
             if not (action[0] == "|" and "fh" not in flag)
             and not (action[0] == "{" and "c" in flag)]
    answers = ask_engine(cases)
    bad, hung, compared = compare(cases, answers)
    assert not bad and not hung and compared > 0.9 * len(cases)


def test_default_folders_and_global_locks(own_host):
    folders = ("dir", "dir/", "md/", "mh/.", "no/x", "no/x/", "no/x/.", "|",
               "/dev/null", "", "box", "/tmp/", "dir/.", "a b", "x/", ".")
    cases = [{"rc": f"DEFAULT='{name}'\n{more}", "message": MAIL,
              "from": "x@y.test", "dirs": ["dir"]}
             for name in folders
             for more in ("", "ORGMAIL=org\n", f"ORGMAIL='{name}'\n", "ORGMAIL\n",
                          ":0 c: no/z\nbox\n:0 c\n$DEFAULT\n",
                          "LOCKFILE=x.lck\n:0 c:x.lck\nbox\nLOCKFILE=no/y\n"
                          ":0 c:x.lck\nbox\nLOCKFILE\nLOCKFILE=$DEFAULT.lock\n")]
    answers = ask_engine(cases)
    bad, hung, compared = compare(cases, answers)
    assert not bad and not hung and compared == len(cases)


def test_lines_as_long_as_linebuf(own_host):
    """Each kind of line is cut at a place of its own."""
    lines = [":0 c\n! %s\n", ":0 c\nA/%s\n", ":0 c\n* %s\nbox\n", "A=%s\n",
             ":0 c\n* ^%s\nbox\n", ":0 c\n* 1^1 B ?? %s   \nbox\n",
             ":0 c\n* none\n! %s\n", ":0 hc\nV=| formail -x %s\n",
             ":0\n* none\n{\n:0\n! %s\n}\n", ":0 c\n%s\n"]
    cases = [{"rc": line % ("x" * size) + LINES_BEHIND, "message": MAIL,
              "from": "x@y.test"}
             for line in lines for size in (*range(2021, 2029), *range(2038, 2053))]
    bad, hung, compared = compare(cases, ask_engine(cases))
    assert not bad and not hung and compared == len(cases)


def test_first_lines_and_folders_with_quotes_and_remarks(own_host):
    heads = (":0$N", ":0$F", ":0 ${F}", ":0$L", ":0$Q", ":0'c'", ':0"c"', ":0c#x",
             ":0 c #x", ":0 '#' c", ":0c\\b", ":0 h\\\n", ":0c : $F $F", ":00c")
    folders = ("dir # x", "dir#x", "dir ", "box#it's", "md/ # x", "dir '' # x",
               "box = x # y", "dir \\# x", "dir/new", "dir/5", "md/ dir # x")
    cases = [{"rc": f"F=c\nL=':x y'\nQ='D h'\n{head}\n{condition}{folder}\n"
                    + LINES_BEHIND,
              "message": MAIL, "from": "x@y.test", "dirs": ["dir"]}
             for n, folder in enumerate(folders)
             for head in (":0 c", ":0", heads[n], heads[-1 - n])
             for condition in ("", "* none\n")]
    bad, hung, compared = compare(cases, ask_engine(cases))
    assert not bad and not hung and compared == len(cases)


def test_from_lines_of_formail(own_host):
    """Further ones belong to the first; folded ones are the body."""
    mails = ("From :a\n>From z\n>From y\nC: d\n\nbody\n", "From :x\n\tA: c\nB: x\n\nb\n",
             ">From :a\nC: d\n\nbody\n", "A: b\n>From z\nC: d\n\nbody\n")
    options = ("-I 'Q: r'", "-I C -u X -c", "-R C D", "-R From X", "-I From", "-zx C:")
    cases = [{"rc": f":0 hw\nV=| formail {option}\nA=`formail -x C: -x B:`\n",
              "message": mail, "from": "x@y.test"}
             for mail in mails for option in options]
    bad, hung, compared = compare(cases, ask_engine(cases))
    assert not bad and not hung and compared == len(cases)
