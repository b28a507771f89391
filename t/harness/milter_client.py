"""The MTA's side of the milter protocol, to ask a milter without an MTA.

    with Milter("/run/x.sock") as m:
        m.negotiate()
        m.connect("mail.example.net", "192.0.2.4", client_addr="192.0.2.4")
        m.helo("mail.example.net")
        assert m.mail("<a@example.com>", i="q1").kind == "continue"
        assert m.rcpt("<b@example.org>").text.startswith("550 5.7.1")

Each method sends the macros given by keyword, then the command; it returns the
Reply, or None where the milter has said in negotiation that it sends none.  A
command that the milter does not want is not sent and returns None too.  The
protocol is described in sendmail's libmilter/docs and include/libmilter/mfdef.h.
"""
import socket
import struct

# Option negotiation: what the MTA can do, and which steps can be left out.
ADD_HEADERS, CHANGE_BODY, ADD_RCPT, DELETE_RCPT = 0x01, 0x02, 0x04, 0x08
CHANGE_HEADERS, QUARANTINE, CHANGE_FROM, ADD_RCPT_PAR = 0x10, 0x20, 0x40, 0x80
SET_SYMLIST = 0x100
ALL_ACTIONS = 0x1FF
ALL_PROTOCOL = 0x1FFFFF

NO_CONNECT, NO_HELO, NO_MAIL, NO_RCPT, NO_BODY, NO_HEADERS, NO_EOH = (
    1 << n for n in range(7))
NR_HEADER, NO_UNKNOWN, NO_DATA, SKIP, RCPT_REJ = (1 << n for n in range(7, 12))
NR_CONNECT, NR_HELO, NR_MAIL, NR_RCPT, NR_DATA, NR_UNKNOWN, NR_EOH, NR_BODY = (
    1 << n for n in range(12, 20))
HEADER_LEADING_SPACE = 1 << 20

# command -> (bit "do not send it", bit "no reply comes")
STEPS = {b"C": (NO_CONNECT, NR_CONNECT), b"H": (NO_HELO, NR_HELO),
         b"M": (NO_MAIL, NR_MAIL), b"R": (NO_RCPT, NR_RCPT),
         b"T": (NO_DATA, NR_DATA), b"L": (NO_HEADERS, NR_HEADER),
         b"N": (NO_EOH, NR_EOH), b"B": (NO_BODY, NR_BODY),
         b"U": (NO_UNKNOWN, NR_UNKNOWN), b"E": (0, 0)}

KINDS = {b"c": "continue", b"a": "accept", b"r": "reject", b"t": "tempfail",
         b"d": "discard", b"y": "reply", b"s": "skip", b"4": "shutdown",
         b"f": "connection failure"}
MACRO_STAGES = ["connect", "helo", "mail", "rcpt", "data", "eom", "eoh"]


class Gone(Exception):
    """The milter has closed the connection."""


class Reply:
    """kind: a word of KINDS; text: of a reply with a code, else ""; edits:
    [(letter, bytes)], what eom asked the MTA to change."""

    def __init__(self, letter, data, edits=()):
        self.kind = KINDS.get(letter, letter.decode("latin1"))
        self.text = data.rstrip(b"\0").decode("latin1")
        self.edits = list(edits)

    @property
    def code(self):
        """550 of `550 5.7.1 text`; 0 without a text."""
        return int(self.text[:3]) if self.text else 0

    def __repr__(self):
        return f"Reply({self.kind!r}, {self.text!r}, {self.edits!r})"


def packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command + data


def text(value):
    return value if isinstance(value, bytes) else value.encode("latin1")


class Milter:
    """One connection to a milter.

    where    path of a unix socket, or (host, port)
    timeout  seconds to wait for one reply
    """

    def __init__(self, where, timeout=10):
        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(where)
        self.buffer = b""
        self.actions = self.protocol = 0
        self.symbols = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    # One level down: packets.

    def send(self, command, data=b""):
        self.sock.sendall(packet(command, data))

    def recv(self):
        """-> (letter, data); Gone at end of file."""
        while len(self.buffer) < 4 or len(self.buffer) - 4 < self._size():
            try:
                chunk = self.sock.recv(65536)
            except ConnectionError:
                chunk = b""
            if not chunk:
                raise Gone
            self.buffer += chunk
        size = self._size()
        data, self.buffer = self.buffer[4:4 + size], self.buffer[4 + size:]
        return data[:1], data[1:]

    def _size(self):
        return struct.unpack("!I", self.buffer[:4])[0]

    def quiet(self, seconds=0.2):
        """Whether nothing comes for a while."""
        before = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            self.recv()
            return False
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(before)

    def reply(self):
        """The reply to one command, with the edits in front of it."""
        edits = []
        while True:
            letter, data = self.recv()
            if letter in KINDS:
                return Reply(letter, data, edits)
            if letter != b"p":      # progress
                edits.append((letter.decode(), data))

    def macros(self, command, values):
        if values:
            data = b"".join(text(n) + b"\0" + text(v) + b"\0"
                            for n, v in self._braced(values))
            self.send(b"D", command + data)

    @staticmethod
    def _braced(values):
        return [(n if len(n) == 1 else "{" + n + "}", v) for n, v in values.items()]

    def step(self, command, data=b"", macros=None):
        """Sends a command as an MTA would that keeps to what was negotiated."""
        leave_out, no_reply = STEPS[command]
        if self.protocol & leave_out:
            return None
        self.macros(command, macros)
        self.send(command, data)
        return None if self.protocol & no_reply else self.reply()

    # One level up: the SMTP dialogue.

    def negotiate(self, actions=ALL_ACTIONS, protocol=ALL_PROTOCOL, version=6):
        self.send(b"O", struct.pack("!III", version, actions, protocol))
        letter, data = self.recv()
        assert letter == b"O", letter
        _, self.actions, self.protocol = struct.unpack("!III", data[:12])
        rest = data[12:]
        while len(rest) > 4:
            stage = struct.unpack("!I", rest[:4])[0]
            names, rest = rest[4:].split(b"\0", 1)
            self.symbols[MACRO_STAGES[stage]] = names.decode().split()
        return self

    def connect(self, name, address=None, port=25, **macros):
        """address: dotted quad, IPv6, a path, or None for an unknown family."""
        data = text(name) + b"\0"
        if address is None:
            data += b"U"
        else:
            family = (b"L" if address.startswith("/") else
                      b"6" if ":" in address else b"4")
            data += family + struct.pack("!H", port) + text(address) + b"\0"
        return self.step(b"C", data, macros)

    def helo(self, name, **macros):
        return self.step(b"H", text(name) + b"\0", macros)

    def mail(self, *args, **macros):
        return self.step(b"M", b"".join(text(a) + b"\0" for a in args), macros)

    def rcpt(self, *args, **macros):
        return self.step(b"R", b"".join(text(a) + b"\0" for a in args), macros)

    def data(self, **macros):
        return self.step(b"T", b"", macros)

    def header(self, name, value):
        return self.step(b"L", text(name) + b"\0" + text(value) + b"\0")

    def eoh(self, **macros):
        return self.step(b"N", b"", macros)

    def body(self, chunk):
        return self.step(b"B", text(chunk))

    def eom(self, **macros):
        return self.step(b"E", b"", macros)

    def message(self, headers=(("Subject", "x"),), chunks=(b"hi\r\n",)):
        """DATA to the final dot; the reply to that, or the first that is not
        continue."""
        replies = [self.data()]
        replies += [self.header(*h) for h in headers]
        replies.append(self.eoh())
        replies += [self.body(c) for c in chunks]
        for reply in replies:
            if reply is not None and reply.kind != "continue":
                return reply
        return self.eom()

    def abort(self):
        self.send(b"A")

    def quit(self):
        self.send(b"Q")

    def quit_new_connection(self):
        self.send(b"K")


def opened(where, address="192.0.2.4", name="client.example.net", resolve="OK",
           timeout=10, **macros):
    """A session after HELO, as sendmail would have it."""
    milter = Milter(where, timeout).negotiate()
    v6 = ":" in address
    milter.connect(name, address, j="mx.example.org", client_addr="IPv6:" + address
                   if v6 else address, client_name=name, client_ptr=name,
                   client_resolve=resolve, **macros)
    milter.helo(name)
    return milter
