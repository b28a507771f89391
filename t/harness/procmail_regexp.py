"""procmail's regular expressions by the rules of procmailrc(5), for telling
which of two programs is right: slow, simple, and written apart from both.

procmail misses some matches of nested repetitions, and begins MATCH too early
behind a repetition.  A difference is put down to that only if this reference
says so too.
"""
import re

MACROS = re.compile(r"\^(FROM_DAEMON|TO_?|FROM_MAILER)")


class Pattern:
    """Nodes are numbered; `edges` of a node: (kind, what, next node)."""

    def __init__(self, text, fold):
        self.text, self.at, self.fold = text, 0, fold
        self.edges = []
        self.start = self.node()
        self.end = self.choice(self.start)

    def node(self):
        self.edges.append([])
        return len(self.edges) - 1

    def edge(self, a, kind, what, b):
        self.edges[a].append((kind, what, b))

    def peek(self, ahead=0):
        i = self.at + ahead
        return self.text[i] if i < len(self.text) else ""

    def choice(self, start):
        end = self.node()
        while True:
            first = self.node()
            self.edge(start, "go", None, first)
            self.edge(self.sequence(first), "go", None, end)
            if self.peek() != "|":
                return end
            self.at += 1

    def sequence(self, at):
        while self.peek() and self.peek() not in "|)":
            before = self.node()
            self.edge(at, "go", None, before)
            repeatable = not self.text.startswith(("^^", "\\/"), self.at)
            after = self.atom(before)
            at = self.repeat(before, after) if repeatable else after
        return at

    def repeat(self, before, after):
        operator = self.peek()
        if not operator or operator not in "*+?":
            return after
        self.at += 1
        end = self.node()
        self.edge(after, "go", None, end)
        if operator in "*?":
            self.edge(before, "go", None, end)
        if operator in "*+":
            self.edge(after, "go", None, before)
        return end

    def atom(self, at):
        c = self.peek()
        self.at += 1
        after = self.node()
        if c == "(":
            inner = self.choice(at)
            self.edge(inner, "go", None, after)
            self.at += 1
        elif c == "[":
            self.edge(at, "in", self.byte_class(), after)
        elif c == ".":
            self.edge(at, "in", lambda b: b != "\n", after)
        elif c == "^" and self.peek() == "^":
            self.at += 1
            self.edge(at, "edge", self.peek() == "", after)
        elif c in "^$":
            self.edge(at, "in", lambda b: b == "\n", after)
        elif c == "\\" and self.peek() == "/":
            self.at += 1
            self.edge(at, "mark", None, after)
        elif c == "\\" and self.peek() and self.peek() in "<>":
            self.at += 1
            self.edge(at, "in", lambda b: not re.match(r"[A-Za-z0-9_]", b), after)
        else:
            if c == "\\" and self.peek():
                c = self.peek()
                self.at += 1
            self.edge(at, "in", self.one_of({c}), after)
        return after

    def one_of(self, bytes_):
        if self.fold:
            bytes_ = {x for b in bytes_ for x in (b, *(f(b) for f in (str.lower, str.upper)
                                                       if b.isascii()))}
        return lambda b: b in bytes_

    def byte_class(self):
        negated = self.peek() == "^"
        self.at += negated
        found, last = set(), None
        if self.peek() and self.peek() in "]-":
            last = self.peek()
            found.add(last)
            self.at += 1
        while self.peek() and self.peek() != "]":
            if self.peek() == "-" and self.peek(1) and self.peek(1) != "]":
                self.at += 1
                found.update(map(chr, range(ord(last or "\0") + 1, ord(self.peek()))))
            last = self.peek()
            found.add(last)
            self.at += 1
        self.at += 1
        inside = self.one_of(found)
        return (lambda b: b != "\n" and not inside(b)) if negated else inside

    def search(self, area):
        """-> (matched, MATCH or None): the least mark, then the longest end."""
        text = "\n" + area + "\n"
        size = len(text) - 1
        best = None
        now = {}  # node -> least mark or None (no mark yet)

        def better(a, b):
            return b is None and a is not None or \
                (a is not None and b is not None and a < b)

        def add(states, node, mark, at):
            work = [(node, mark)]
            while work:
                node, mark = work.pop()
                if node in states and not better(mark, states[node]) and \
                        not (mark is None and states[node] is not None):
                    continue
                if node in states and mark is None:
                    continue
                states[node] = mark
                for kind, what, after in self.edges[node]:
                    if kind == "go":
                        work.append((after, mark))
                    elif kind == "mark":
                        work.append((after, at))
                    elif kind == "edge" and what and at == size:
                        work.append((after, mark))

        for at in range(len(text) + 1):
            if at < size or not self.text:
                add(now, self.start, None, at)
            if self.end in now:
                mark = now[self.end]
                if best is None or mark == best[0] or better(mark, best[0]):
                    best = (mark, at)
            if at == len(text):
                break
            following = {}
            for node, mark in now.items():
                for kind, what, after in self.edges[node]:
                    if kind == "in" and what(text[at]) or kind == "edge" and at == 0:
                        add(following, after, mark, at + 1)
            now = following
        if best is None:
            return False, None
        mark, end = best
        if mark is None or mark > size:
            return True, None
        return True, text[max(mark, 1):max(min(end, size), 1)]
