"""The recipe engine against real procmail: the same rc files and messages,
and the same conditions, assignments, folders, sizes and complaints.

Listed differences, see filterrc(5): rc files that are refused at load,
patterns on which procmail itself never comes back or crashes, matches that it
misses and MATCH that begins too early.  The last two are believed only where
harness.procmail_regexp, which knows neither program, has our answer too.
"""
import os
import random
import re

from harness.procmail_cases import Maker
from harness.procmail_compare import ask_engine, compare, own_host  # noqa: F401
from harness.procmail_regexp import MACROS, Pattern

PAIRS = int(os.environ.get("PROCMAIL_PAIRS", "3200"))
FROM = "From %s  Sun Sep  9 01:46:40 2001\n"
SEED = int(os.environ.get("PROCMAIL_SEED", "1"))


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
