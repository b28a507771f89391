"""Random rc files and messages for comparing the recipe engine with procmail.

Everything comes from one seeded random.Random, so that a case can be made
again from its number.  A case is a dict: rc, message, from, args, files, dirs.
The only program is formail.
"""

WORDS = ["alpha", "Beta", "x", "foo", "FOO", "list", "42", "a.b", "re: foo",
         "money", "b", "bb", "aab", "one two", "X-", "ab", "daemon", "bulk"]
NAMES = ["A", "B", "CC", "D_1", "MATCH", "N", "TXT"]
FOLDERS = ["in", "md/", "mh/.", "dir", "dir/sub", "other", "md/sub/", "/dev/null",
           "$N", "x$A/", "a/b/c", "$DEFAULT", "'two words'", "dir/.", "./x",
           "/var/mail/bob", "/tmp/", "one two", "md/ mh/. dir", "md//",
           "$HOME/y", "$MAILDIR/z", "a\\ b", '"$A"', "in # remark", "md/ box dir/",
           "/nowhere/x", "~/z", "${N:-in}", "$ORGMAIL", "${A:+md/}", "./md/", "in.$$",
           "dir/new", "md/new/", "dir # remark", "dir#x", "dir ", "dir 'x' ''", "dir/5",
           "box=x", "box = x # y", "md/ dir # remark", "$N/7"]
ADDRESSES = ["a@b.test", "$A c@d.test", '"q r"@e', "x@y, z@w", "$SENDER", "'one two'",
             "a@b # remark", "${A:-x}@y.test", "a@b \\\n  c@d", "-f me x@y",
             "x" * 2024, "x" * 2026, "x" * 2010 + " $A", "$A " + "x" * 2020]
WEIGHTS = ["1^1", "1^0", "2^.5", "-1^1", "-3^0", "0.4^0", "10^1.5", "1^-1", "5^2",
           "-100^3", "1e3^1", "2147483647^0", ".7^.7", "0^1", "1^.1", "-.5^.9", "+2^1",
           "1 ^ 1", "0x10^0", "-2147483647^0", "3^+1", "1.^1.", "1^1e-3"]


class Maker:
    def __init__(self, random, clones=True):
        self.r = random
        self.clones = clones
        self.files = {}
        self.depth = 0

    def pick(self, *choices):
        return self.r.choice(choices)

    def chance(self, percent):
        return self.r.randrange(100) < percent

    # ---- messages
    def line(self):
        return " ".join(self.pick(*WORDS) for _ in range(self.r.randrange(6)))

    def field(self):
        name = self.pick("Subject", "To", "Cc", "From", "X-List", "Received",
                         "Sender", "Precedence", "Resent-To", "X-Sub",
                         "Content-Length", "Mailing-List", "Subject", "X-Envelope-To")
        value = self.line()
        if self.chance(2):
            value = "x" * self.pick(300, 2000, 2100, 5000)
        if name == "Content-Length":
            value = str(self.r.randrange(300))
        if self.chance(20):
            value = self.pick("root@x.example", "list-owner@y.example",
                              "postmaster@b.test (Mail Daemon)", "<>",
                              "a@b.c, foo@x.example (comment)")
        while self.chance(15):
            value += "\n" + self.pick(" ", "\t", "   ") + self.pick(self.line(), "")
        return name + self.pick(":", ":", ":", ":", ":", " :") + \
            self.pick(" ", " ", "", "  ", "\t") + value + self.pick("", "", "", " ") + "\n"

    def message(self):
        if self.chance(2):
            return self.pick("", "x", "no header at all\n\nbody\n",
                             "\nbody alone\n", "Subject: x", " folded first\n\nx\n",
                             "From \n\nx\n", "Subject: a\r\n\r\nb\r\n")
        text = "".join(self.field() for _ in range(self.r.randrange(1, 8)))
        if self.chance(4):
            text = self.pick("\n", "\n\n") + text
        if self.chance(4):
            text = "From somebody  Mon Jan  1 00:00:00 2001\n" + text
        if self.chance(92):
            text += "\n"
            for _ in range(self.r.randrange(8)):
                text += self.pick(self.line(), "", "From here on", "aaabbb",
                                  "\xe9t\xe9", " indented", "a" * 30,
                                  ">From quoted", "From", "tab\there", "a" * 2100,
                                  "nul\0byte", "cr\r") + "\n"
        if self.chance(8):
            text = text.rstrip("\n")
        return text

    # ---- patterns
    def atom(self, depth):
        k = self.r.randrange(26 if depth < 3 else 15)
        if k < 7:
            return self.pick("a", "b", "x", "o", " ", "f", "A", ":", "l", "4")
        if k < 9:
            return "."
        if k < 11:
            return self.pick("[ab]", "[^a]", "[a-z]", "[^a-z]", "[]x]", "[-a]",
                             "[a-]", "[^ ]", "[A-C0-9]", "[z-a]", "[\\a]",
                             "[^]b]", "[ \t]", "[+--]")
        if k < 12:
            return self.pick("\\.", "\\a", "\\\\", "\\*", "\\(", "\\$", "\\[")
        if k < 13:
            return self.pick("\\<", "\\>")
        if k < 14:
            return self.pick("^", "$", "^", "$", "^^", "$^")
        if k < 15:
            return self.pick(*WORDS)
        return "(" + self.regexp(depth + 1) + ")"

    def sequence(self, depth):
        out = ""
        for _ in range(self.pick(0, 1, 1, 1, 2, 2, 3, 4)):
            piece = self.atom(depth)
            if self.chance(30) and piece[0] not in "^$" and piece[-1] != "^":
                piece += self.pick("*", "*", "+", "?", "?")
            out += piece
        return out

    def regexp(self, depth=0):
        return "|".join(self.sequence(depth)
                        for _ in range(self.pick(1, 1, 1, 1, 2, 3)))

    def common(self):
        """A pattern as people write them."""
        return self.pick("^Subject:", "^TO_", "^TO", "^From:", "^X-List:",
                         "^Received:") + \
            self.pick("", ".*", " *", ".*\\<", "[ \t]*") + \
            self.pick(*WORDS).replace(".", "\\.")

    def pattern(self):
        k = self.r.randrange(20)
        if k < 5:
            return self.common()
        if k < 6:
            return self.pick("^FROM_DAEMON", "^FROM_MAILER", "!^FROM_DAEMON",
                             "\\^TO_x", "(^TO_foo|^TO_list)")
        if k < 10:
            # No repetition right before \\/, where procmail's MATCH may be
            # too long: see filterrc(5).
            left = self.pick("()", "a", "(a|b)", "[ab]x", "foo ", "^Subject:",
                             "^From:", "^X-List: ", "^^", "(^|x)a", "$")
            return left + "\\/" + self.pick(
                self.plain(2), self.plain(2), ".*", "[^ ]+", ".*$", "$")
        if k < 11:
            return self.pick("", "^^", "%s^^", "^^%s", "x$^^", "^$", "^", "$") \
                .replace("%s", self.plain(2))
        return self.regexp()

    def plain(self, depth):
        return self.sequence(depth)

    # ---- texts
    def value(self):
        k = self.r.randrange(16)
        if k < 5:
            return self.pick(*WORDS).replace(" ", "-").replace("'", "")
        if k < 7:
            return '"%s"' % self.pick("$A b", "x $MATCH", "${B}c", "a\\$b",
                                      "it's", "a # b", "$=", "a\nb", "\\x\\\\",
                                      "${A:-$B}", "${A:+\\}}", "a\\\nb", " $_ ",
                                      "$B$CC", "$A$", "a$", "\\`")
        if k < 8:
            return "'%s'" % self.pick("$A", "a b", 'say "x"', "\\n", "# no")
        if k < 12:
            return self.pick("$A", "$MATCH", "${B}", "${N:-none}", "${A-x}",
                             "${B:+set}", "${CC+y}", "${N:-${A}z}", "$\\A",
                             "$=", "$#", "$1", "$2$1", "${1:-q}", "<$_>", "$A$B",
                             "${A:-\"b c\"}", "$TXT.x", "${N:-a}b")
        if k < 13:
            return ""
        if k < 14:
            return self.pick("a'b c'd", 'a"b c"d', "\\$A", "'it'\\''s'", '""', "''",
                             '"a"\'b\'c', "x" * 1900, "x" * 2050, "$A#b", "a\\\n  b",
                             "a\\ b", "a\\#b", "a#b", "a\\\nb", "x # comment",
                             "{a}", "a}b", "~/x", "*", "a;b", "a|b")
        return self.pick("10", "0", "5", "-3", "yes", "off")

    def expanded(self):
        """What may follow `$` in a condition."""
        return self.pick("$A", "^Subject:.*$\\A", "${B}x", "! $A", "> $N",
                         "$N^1 foo", "A ?? $B", "^TO_$A", '"$A"', "()\\/$B",
                         "1^1 ${A:-x}", "! B ?? ${CC+y}", "< ${N:-100}", "$$A", "$ $A",
                         "-1^0 $A", "^FROM_$A", "$=^0 x", "${A:+${B:-c}}", "'$A'",
                         "$\\MATCH", "$MATCH", "${A:-foo}", "B ?? ^$A", "x\\.$A", "$A|$B")

    def condition(self):
        out = ""
        if self.chance(15):
            out += "! " if self.chance(80) else "! !"
        if self.chance(20):
            out += self.pick(*WEIGHTS) + self.pick(" ", " ", "", "\t")
        if self.chance(20):
            out += self.pick("B ??", "H ??", "HB ??", "BH ??", "A ??",
                             "MATCH ??", "N ??", "TXT??", "CC  ??") + " "
        if self.chance(5):
            out += self.pick("!", "! ", "B ?? ", "1^1 ", "H??", "!!")
        k = self.r.randrange(20)
        if k < 2:
            out += self.pick("<", ">") + self.pick(" ", "") + \
                str(self.pick(0, 1, 100, 200, 300, 500, 1000, 50))
        elif k < 4:
            out += "$ " + self.expanded()
        elif k < 5:
            text = self.pattern()
            cut = self.r.randrange(len(text) + 1)
            out += text[:cut].rstrip("\\") + "\\\n  " + text[cut:]
        else:
            out += self.pattern()
        # What procmail puts for a macro would not fit into its memory.
        if self.chance(1) and "^TO" not in out and "^FROM_" not in out:
            out += "x" * self.pick(1900, 2030, 2045, 2100)
        return self.pick("* ", "* ", "* ", "*", "*  ", " * ") + out + \
            self.pick("", "", "", " ", "\t") + "\n"

    # ---- statements
    def flags(self, block):
        out = "".join(self.pick(*"HBDAaEeBDAEEc") for _ in range(
            self.pick(0, 0, 0, 0, 1, 1, 2)))
        if block:
            keep = self.clones and self.chance(30)
            return out if keep else out.replace("c", "")
        if self.chance(20):
            out += self.pick("h", "b", "hb", "w", "W", "i", "r", "c")
        if self.chance(50):
            out += "c"
        return out

    def recipe(self):
        block = self.depth < 3 and self.chance(30)
        head = ":0" + self.pick("", " ") + self.flags(block)
        if self.chance(3):
            head += self.pick(" $N", " ${A:+B}", " ${N-D}") if block else \
                self.pick(" $N", " ${A:+B}", "${N:+c}", " $A", " ${N-D}", "$N", "'c'",
                          '"$CC"', " \"D\"", "$A$B", " x$N", "\\c")
        if not block and self.chance(10):
            head += self.pick(" :x.lock", ": lock.me", ":", " :", ": no/x")
        if self.chance(5):
            head += " # remark"
        out = head + "\n"
        if self.chance(3) and head.startswith(":0"):
            return self.old_style(head)
        for _ in range(self.pick(0, 1, 1, 1, 2, 2, 3)):
            out += self.condition()
            if self.chance(4):
                out += self.pick("# between\n", "\n")
        if block:
            self.depth += 1
            out += "{\n" + self.statements(self.pick(0, 1, 2, 3)) + "}\n"
            self.depth -= 1
        elif self.chance(12):
            out += self.pick("! ", "!") + self.pick(*ADDRESSES) + "\n"
        else:
            out += self.pick("", "", " ") + self.pick(*FOLDERS) + "\n"
        return out + "S=$=\n"

    def old_style(self, head):
        """`:2`: that many conditions without a star."""
        count = self.pick(1, 1, 2)
        return head.replace(":0", f":{count}", 1) + "\n" + "".join(
            self.condition().lstrip(" *") for _ in range(count)) + "in\nS=$=\n"

    def formail(self):
        return "formail " + self.pick(
            "-A 'X-New: v'", "-I 'X-List: $A'", "-I \"X-List: $A\"",
            "-i 'Subject: changed'", "-a 'X-List: 1' -A 'X-Q: z'", "-I To:",
            "-R Cc X-Was-Cc", "-u To:", "-U Subject", "-c", "-A'A:b' -I'C:d'",
            "-bf -A 'X-New: w'", "-i X-List -a 'D: e'", "-z", "-zI 'X-List: $A'",
            "-z -R X-List: X-Was:", "-I Subject -I X-", "-zc -u X-", "-cI To: -zx To:",
            "-A X-Empty: -I 'X-Also: '", "-U X- -u S -i To", "-I From", "-i F", "-R From X-From", "-u F", "-R X- Y-", "-R X-S T:",
            "-q -A 'X-Y: a'", "-q- -t -Y -I X-")

    def extract(self):
        return "formail " + self.pick(
            "-x Subject:", "-zxTo:", "-z -x From: -x Cc:", "-X X-List",
            "-cxSubject:", "-c -z -x X-", "-xNone:", "-zX X-", "-czX Received:",
            "-x F -X T", "-zx Subject -x 'To: '")

    def filtering(self):
        if self.chance(50):
            flags = self.pick("fhw", "fh", "fw", "f")
            # Without b the real one escapes From lines: see filterrc(5).
            return ":0 %s\n%s| %s\n" % (flags, self.pick("", self.condition()),
                                        self.formail().replace(
                                            "formail", "formail -b", "h" not in flags))
        return ":0 %s\n%s=| %s\n" % (self.pick("h", "hw", ""),
                                     self.pick(*NAMES), self.extract())

    def include(self):
        name = "inc%d.rc" % len(self.files)
        self.files[name] = ""
        if len(self.files) < 4:
            self.depth += 2
            self.files[name] = self.statements(self.r.randrange(4))
            self.depth -= 2
        return self.pick("INCLUDERC=%s\n", "SWITCHRC=%s\n",
                         "INCLUDERC=$HOME/%s\n", "INCLUDERC=./%s\n",
                         "SWITCHRC=${N:+%s}\n", "INCLUDERC=no%s\n", "SWITCHRC=no%s\n") % name

    def statement(self):
        k = self.r.randrange(40)
        if k < 20:
            return self.recipe()
        if k < 32:
            return "%s%s%s\n" % (self.pick(*NAMES), self.pick("=", " = ", "= "),
                                 self.value())
        if k < 33:
            return self.pick(*NAMES) + "\n"
        if k < 34:
            return self.pick("LOG=\"%s\n\"\n" % self.line(), "LOG=\"$MATCH $=\n\"\n",
                             "LOG\n", "LOGABSTRACT=all\n", "LOGABSTRACT=ALL\n",
                             "LOGABSTRACT=a2 MATCH=x\n")
        if k < 36:
            return self.include()
        if k == 36 and self.chance(60):
            return self.pick(self.filtering(), "%s=%s`%s`%s\n" % (
                self.pick(*NAMES), '"', self.extract(), '"'),
                "%s=`%s`\n" % (self.pick(*NAMES), self.extract()))
        if k < 37:
            return self.pick("EXITCODE=%d\n" % self.pick(0, 67, 75, -1),
                             "MAILDIR=dir\n", "MAILDIR=$HOME/nowhere\n",
                             "MAILDIR=$HOME\n", "DEFAULT=box\n", "SHIFT=1\n",
                             "LINEBUF=200\n", "UMASK=022\n",
                             "HOST\n", "HOST=mx.oracle.test\n", "SWITCHRC\n",
                             "HOST=elsewhere\n", "EXITCODE=70 HOST\n", "EXITCODE=$N\n",
                             "EXITCODE\n", "SHIFT=2\n", "SHIFT=-1\n", "SHIFT=9\n",
                             "LINEBUF=1000\n", "LINEBUF=99\n", "INCLUDERC\n",
                             "INCLUDERC=/dev/null\n", "SWITCHRC=/dev/null\n", "ORGMAIL=o\n",
                             "DEFAULT=md/\n", "DEFAULT=$HOME/no/x\n", "MAILDIR=dir/sub\n",
                             "LOCKEXT=.l\n", "LOCKFILE=x.lck\n", "LOCKFILE\n", "COMSAT=no\n",
                             "TIMEOUT=5\n", "SUSPEND=1\n", "NORESRETRY=1\n",
                             "LOCKTIMEOUT=9\n", "SHELLMETAS\n", "DROPPRIVS=no\n",
                             "MSGPREFIX=m\n")
        if k < 38:
            return "# remark\n"
        return self.pick("A=1 B=2\n", "A=1 B CC='x y' N\n", "  A=x # remark\n",
                         "A=$A$B B=$A\n", "\tB\n", "A=1 :0 c\nbox\n")

    def statements(self, count):
        return "".join(self.statement() for _ in range(count))

    def case(self):
        rc = self.statements(self.r.randrange(1, 8))
        # $$ is the process id
        files = {name: text.replace("$$", "$")
                 for name, text in self.files.items()}
        case = {"rc": rc.replace("$$", "$"), "message": self.message(),
                "files": files,
                "dirs": ["dir"], "args": ["first", "second arg"]}
        case["from"] = self.pick("x@y.test", "MAILER-DAEMON", "list-owner@a.b")
        return case
