"""`postern explain --batch` against real sendmail, on random cases.

POSTERN_SEED=N tries other cases; what disagrees is printed with its case.

    PYTHONPATH=t POSTERN_BIN=build/bin t/own-network t/diff/test_sendmail.py < CASES

asks again about cases, a line each, and shows all answers.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import pytest

import mta
from cases import Cases
from harness import dns, net, program
from harness.seeds import seeds

SEEDS = seeds("POSTERN_SEED", 20260101, 20261122)
CASES, CASES_SMTP = 2800, 300    # a seed
SHOWN = 5    # disagreements that are printed


@pytest.fixture(scope="module")
def server(resolver):
    resolver.forget()
    return resolver


def explain(cases):
    """Our answers."""
    done = subprocess.run([program("postern"), "explain", "--batch"], check=True,
                          input="".join(json.dumps(c) + "\n" for c in cases).encode(),
                          stdout=subprocess.PIPE)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(cases)
    return answers


def groups(maker, count, lookups, features=None):
    """Cases grouped by map, these by configuration: [[[case, ...], ...], ...]"""
    out, total = [], 0
    while total < count:
        config = maker.config()
        if features:
            config["features"] = features(config["features"])
        maps = []
        for _ in range(4):
            first = maker.decision(config)
            cases = [first] + [maker.same_map(first) for _ in range(9)]
            if lookups:
                cases = [maker.told(c) for c in cases]
                if "access_db" in config["features"]:
                    cases += [maker.lookup(first) for _ in range(3)]
            maps.append(cases)
            total += len(cases)
        out.append(maps)
    return out


def seven_bits(value):
    """sendmail -bt shows a byte above 127 as `M-` and the rest of it."""
    if isinstance(value, dict):
        return {k: v if k == "probes" else seven_bits(v) for k, v in value.items()}
    if not isinstance(value, str):
        return value
    return "".join(chr(ord(c) & 127) for c in re.sub(r"M-(.)", r"\1", value))


def bad_sender(rulesets, case, ours):
    """The daemon refuses a malformed sender before check_mail, with what
    CanonAddr says; -bt goes on with another sender."""
    return ours.get("stage") == "mail" and ours["why"]["rule"] == "syntax" and \
        mta.reply_of(rulesets.call("CanonAddr", case["mail"])[0]) == ours["mail"]


def compare(maker, count, server, base):
    """-> (how many cases, disagreements)"""
    asked, wrong = 0, []
    for number, maps in enumerate(groups(maker, count, True)):
        site = mta.Site(base, number, maps[0][0]["config"])
        for cases in maps:
            site.set_maps(cases[0]["config"])
            tell = [dict(c, trace=True, dns=c.get("dns", {})) for c in cases]
            server.forget()
            rulesets = mta.TestMode(site)
            for case, ours in zip(tell, explain(tell)):
                mta.tell_dns(server, case)
                theirs = seven_bits(rulesets.ask(case))
                del case["trace"]
                asked += 1
                if seven_bits({k: v for k, v in ours.items() if k != "why"}) != theirs and \
                        not bad_sender(rulesets, case, ours):
                    wrong.append((case, ours, theirs))
            rulesets.close()
    return asked, wrong


def replay(cases, base):
    """Prints what we say of each case, what the rulesets say and, of a
    decision that a client can ask for, the daemon."""
    server = dns.Dns()
    for number, case in enumerate(cases):
        site = mta.Site(base, number, case["config"])
        site.set_maps(case["config"])
        rulesets = mta.TestMode(site)
        mta.tell_dns(server, case)
        print("case    ", json.dumps(case))
        print("postern ", json.dumps(explain([case])[0]))
        print("rulesets", json.dumps(seven_bits(rulesets.ask(case))))
        rulesets.close()
        if case["kind"] == "decision":
            daemon = mta.Daemon(site)
            print("daemon  ", json.dumps(daemon.ask(case)))
            daemon.close()


def report(seed, asked, wrong):
    print(f"seed {seed}: {asked} cases, {len(wrong)} disagree")
    for case, ours, theirs in wrong[:SHOWN]:
        print("case   ", json.dumps(case))
        print("postern", json.dumps(ours))
        print("sendmail", json.dumps(theirs))
    return f"seed {seed}: {len(wrong)} of {asked} disagree"


@pytest.mark.parametrize("seed", SEEDS)
def test_rulesets(server, seed):
    with tempfile.TemporaryDirectory(prefix="postern-diff.") as base:
        os.chmod(base, 0o755)
        asked, wrong = compare(Cases(seed), CASES, server, base)
    message = report(seed, asked, wrong)
    assert asked >= CASES and not wrong, message


def smtp_features(features):
    """Without what only costs time (a pause at connect) or needs a history."""
    return [f for f in features if not f.startswith("greet_pause") and "control" not in f]


def smtp_difference(ours, theirs):
    """Empty if the client was told what we say.

    What is said at connect comes in reply to MAIL.  One bug of sendmail's is
    known: without delay_checks it loses QUARANTINE in a Connect: entry.
    """
    if ours["verdict"] == "quarantine" and ours["stage"] == "connect" and \
            theirs["verdict"] == "accept":
        return ""
    if ours["verdict"] != theirs["verdict"]:
        return "verdict"
    if ours["verdict"] == "quarantine":
        reasons = [ours[s]["text"] for s in ("connect", "mail", "rcpt")
                   if ours[s]["action"] == "quarantine"]
        return "" if theirs["reason"] in reasons else "reason"
    if ours["verdict"] not in ("reject", "tempfail"):
        return ""
    stage = ours["stage"]
    said = theirs.get("mail", theirs.get("connect")) if stage == "connect" else theirs.get(stage)
    return "" if said == ours[stage] else "reply"


def compare_smtp(maker, count, server, base):
    """As compare(), with the daemon."""
    asked, wrong = 0, []
    for number, maps in enumerate(groups(maker, count, False, smtp_features)):
        site = mta.Site(base, number, maps[0][0]["config"])
        site.set_maps(maps[0][0]["config"])
        mta.tell_dns(server, maps[0][0])
        daemon = mta.Daemon(site)
        for cases in maps:
            site.set_maps(cases[0]["config"])
            for case, ours in zip(cases, explain(cases)):
                mta.tell_dns(server, case)
                theirs = daemon.ask(case)
                asked += 1
                if smtp_difference(ours, theirs):
                    wrong.append((case, ours, theirs))
        daemon.close()
    return asked, wrong


def test_smtp(server):
    seed = SEEDS[-1]
    with tempfile.TemporaryDirectory(prefix="postern-diff.") as base:
        os.chmod(base, 0o755)
        asked, wrong = compare_smtp(Cases(seed, real=True), CASES_SMTP, server, base)
    message = report(seed, asked, wrong)
    assert asked >= CASES_SMTP and not wrong, message


if __name__ == "__main__":
    net.enter()
    with tempfile.TemporaryDirectory(prefix="postern-diff.") as folder:
        os.chmod(folder, 0o755)
        replay([dict({"dns": {}}, **json.loads(line)) for line in sys.stdin], folder)
