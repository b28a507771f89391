"""Runs cases in both, real procmail and our engine, and tells where they differ.

The log of the one and the answer of the other become the same form: what was
assigned, which conditions held, what was written where, and complaints.
"""
import concurrent.futures
import json
import os
import subprocess

import pytest

from harness import net, procmail

WORKERS = 2


@pytest.fixture(scope="module")
def own_host():
    """procmail's HOST is the name of the host."""
    subprocess.run(["hostname", procmail.HOST], check=True)
    yield
    subprocess.run(["hostname", net.HOST], check=True)


def ask_engine(cases):
    lines = "\n".join(json.dumps({**case, "keep_log_vars": True})
                      for case in cases) + "\n"
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
    if "size" not in one or one.get("failed") and not last:
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
    # The last line tells of a mail that nobody got by no folder's name.
    if real["folders"] and real["folders"][-1][0] == "**Bounced**":
        last = ours["folders"][-1:] or [(None, 0)]
        ours["folders"][-1:] = [("**Bounced**", last[0][1])]
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
