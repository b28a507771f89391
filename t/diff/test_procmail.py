"""The recipe engine against real procmail: the same rc files and messages,
and the same conditions, assignments, folders, sizes and complaints.

Listed differences, see filterrc(5): rc files that are refused at load,
patterns on which procmail itself never comes back or crashes, matches that it
misses and MATCH that begins too early.  The last two are believed only where
harness.procmail_regexp, which knows neither program, has our answer too.
"""
import collections
import concurrent.futures
import json
import os
import random
import re
import subprocess

import pytest

from harness import net, procmail
from harness.procmail_cases import Maker
from harness.procmail_regexp import MACROS, Pattern

PAIRS = int(os.environ.get("PROCMAIL_PAIRS", "3000"))
FROM = "From %s  Sun Sep  9 01:46:40 2001\n"
SEED = int(os.environ.get("PROCMAIL_SEED", "1"))
WORKERS = 2


@pytest.fixture(scope="module")
def own_host():
    """procmail's HOST is the name of the host."""
    subprocess.run(["hostname", procmail.HOST], check=True)
    yield
    subprocess.run(["hostname", net.HOST], check=True)


def ask_engine(cases):
    lines = "\n".join(json.dumps(case) for case in cases) + "\n"
    out = subprocess.run(
        [os.path.join(os.environ["POSTERN_BIN"], "postern"), "filter",
         "--batch", "--as-delivery-agent"],
        input=lines, capture_output=True, text=True, check=True).stdout
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == len(cases)
    return answers


def condition(one):
    if "add" in one:
        return (one["t"], one.get("neg", False), one["add"], one["tot"],
                one.get("plus", False))
    return (one["t"], one.get("neg", False), one["ok"])


def delivery(one, last):
    """Name and size as the log has them: only what was written, and whatever
    was tried last."""
    name = one.get("target", one.get("cmd"))
    if one.get("failed") and not last:
        return None
    return procmail.plain(name), one["size"]


def as_log(answer):
    made = answer["deliveries"]
    folders = [delivery(one, one is made[-1]) for one in made]
    return {
        "assigns": [tuple(pair) for pair in answer["assigns"]],
        "conditions": [condition(one) for recipe in answer["trace"]
                       for one in recipe["conds"]],
        "folders": [one for one in folders if one],
        "errors": [text for text in answer.get("errors", [])
                   if not procmail.MADE_UP.search(text)],
    }


def short(folders):
    """The log cuts long names and tells of tabs as blanks; and when a run ends
    with a copy, its last line comes twice."""
    out = []
    for name, size in folders:
        if not name:
            continue
        one = (name.replace("\t", " ")[:40], size)
        if not out or out[-1] != one:
            out.append(one)
    return out


def differences(real, ours):
    found = []
    # Only the engine tells what EXITCODE procmail would hand to a TRAP.
    if ours["assigns"][:-1] == real["assigns"] and \
            ours["assigns"][-1:] in ([("EXITCODE", "0")],
                                     [("EXITCODE", "73")]):
        ours["assigns"].pop()
    for key in ("assigns", "conditions", "errors"):
        if real[key] != ours[key]:
            found.append((key, real[key], ours[key]))
    if short(real["folders"]) != short(ours["folders"]):
        found.append(("folders", short(real["folders"]),
                      short(ours["folders"])))
    return found


def compare(cases, answers):
    """-> (differences by case, hung)"""
    def part(start):
        real = procmail.Procmail()
        try:
            return {i: real.answer(cases[i])
                    for i in range(start, len(cases), WORKERS)
                    if "error" not in answers[i]}
        finally:
            real.close()
    logs = {}
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for some in pool.map(part, range(WORKERS)):
            logs.update(some)
    bad, hung = {}, 0
    for i, log in sorted(logs.items()):
        if log is None:
            hung += 1
            continue
        found = differences(log, as_log(answers[i]))
        if found:
            bad[i] = found
    return bad, hung, len(logs)


def first_difference(one, other):
    for pair in zip(one, other):
        if pair[0] != pair[1]:
            return pair
    return None


def reference(text, case, fold):
    """(matched, MATCH) of a pattern in each area of the message."""
    message = case["message"].lstrip("\n")
    head, _, body = message.partition("\n\n")
    head = re.sub(r"\n([ \t])", r" \1", head) + "\n\n"
    pattern = Pattern(text[1:] if text.startswith("\\") else text, fold)
    return [pattern.search(area) for area in
            (FROM % case["from"] + head, body, FROM % case["from"] + head + body)]


def is_listed(case, answer, found):
    """Whether the first difference is one of procmail's own mistakes."""
    found = {key: (real, ours) for key, real, ours in found}
    if "conditions" in found:
        pair = first_difference(*found["conditions"])
        if pair and len(pair[0]) == 3 and pair[0][:2] == pair[1][:2]:
            text, negated, real = pair[0]
            missed = real == negated and not MACROS.search(text)
            return missed and any(
                m for fold in (True, False) for m, _ in reference(text, case, fold))
    if "assigns" in found:
        pair = first_difference(*found["assigns"])
        if pair and pair[0][0] == pair[1][0] == "MATCH":
            texts = {c["t"] for recipe in answer["trace"] for c in recipe["conds"]
                     if "\\/" in c["t"] and not MACROS.search(c["t"])}
            return any(match == pair[1][1] for text in texts for fold in (True, False)
                       for _, match in reference(text, case, fold))
    return False


def test_the_reference_itself():
    for text, area, answer in (
            ("a(b|c)+$", "xabcb\ny", (True, None)), ("^^x", "yx", (False, None)),
            ("x^^", "x\n", (False, None)), ("x$^^", "x\n", (True, None)),
            ("()\\/b*", "abb", (True, "")), ("a\\/[^ ]+", "xabc d", (True, "bc")),
            (".+\\/b*", "aaaabbb", (True, "")), ("[^a]b", "a\nb", (False, None)),
            ("b(($|[^b])*)?(()?d)", "bc\nd", (True, None))):
        assert Pattern(text, True).search(area) == answer, text


def test_random_recipes(own_host):
    cases = [Maker(random.Random(SEED * 1000003 + n), clones=False).case()
             for n in range(PAIRS)]
    answers = ask_engine(cases)
    bad, hung, compared = compare(cases, answers)
    listed = [i for i, found in bad.items() if is_listed(cases[i], answers[i], found)]
    for i in listed:
        del bad[i]
    print(f"{compared} compared, {hung} procmail hung, {len(listed)} listed,"
          f" {len(bad)} differ")
    shown = "".join(f"\n### {SEED * 1000003 + i}\n{cases[i]['rc']}\n{found}"
                    for i, found in list(bad.items())[:6])
    assert not bad, f"{len(bad)} of {compared} differ{shown}"
    assert len(listed) <= compared // 300
    assert compared >= 0.95 * PAIRS
    assert hung <= 0.04 * PAIRS


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
