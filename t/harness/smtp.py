"""SMTP clients that come from any address, and a server that keeps all mail."""
import base64
import re
import socket
import threading

from harness import net


class Reply(str):
    """The text of a reply, lines joined by newline; `code` is its number."""

    @property
    def code(self):
        return int(self[:3])


class Client:
    """One SMTP connection.  Call it with a command line; it returns the Reply."""

    def __init__(self, port, source="127.0.0.1", timeout=20):
        self.sock = net.connect(port, source, timeout)
        self.file = self.sock.makefile("rb")
        self.greeting = self.reply()

    def reply(self):
        lines = []
        while not lines or lines[-1][3:4] == "-":
            line = self.file.readline().decode("latin1").rstrip("\r\n")
            if not line:
                raise ConnectionError("connection closed after " + repr(lines))
            lines.append(line)
        return Reply("\n".join(lines))

    def __call__(self, line):
        self.sock.sendall(line.encode("latin1") + b"\r\n")
        return self.reply()

    def login(self, user, password):
        token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return self("AUTH PLAIN " + token)

    def send(self, sender, recipients, message="Subject: test\r\n\r\nbody\r\n"):
        """MAIL, RCPTs, DATA -> the replies, up to the first refused step."""
        replies = [self(f"MAIL FROM:{sender}")]
        if replies[-1].code >= 400:
            return replies
        replies += [self(f"RCPT TO:{rcpt}") for rcpt in recipients]
        if all(r.code >= 400 for r in replies[1:]):
            return replies
        replies.append(self("DATA"))
        if replies[-1].code == 354:
            replies.append(self(message + "."))
        return replies

    def follow(self, dialog):
        """Commands, and messages as (text,) -> the replies.  Without what makes
        no sense after a refused MAIL: sendmail makes such a client wait."""
        replies, begun = [], False
        for line in dialog:
            if isinstance(line, str):
                if begun or not line.startswith("RCPT"):
                    replies.append(self(line))
                if line.startswith("MAIL"):
                    begun = replies[-1].code == 250
            elif begun:
                replies.append(self("DATA"))
                replies.append(self(line[0] + "." if replies[-1].code == 354 else "RSET"))
        return replies

    def close(self):
        try:
            self.sock.sendall(b"QUIT\r\n")
            self.file.readline()
        except OSError:
            pass
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask_relay(port, source, sender="<joe@example.net>",
              rcpt="<friend@remote.example>", helo="client.example.net"):
    """The reply that decides whether `source` may relay: to MAIL or to RCPT."""
    with Client(port, source) as c:
        c("EHLO " + helo)
        mail = c(f"MAIL FROM:{sender}")
        return mail if mail.code >= 400 else c(f"RCPT TO:{rcpt}")


class Sink(threading.Thread):
    """An SMTP server on a port of its own that accepts and remembers all mail."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(128)
        self.port = self.sock.getsockname()[1]
        self.messages, self.changed = [], threading.Condition()
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        def say(text):
            peer.sendall(text + b"\r\n")
        message = {}
        with peer, peer.makefile("rb") as lines:
            say(b"220 sink ESMTP")
            for line in lines:
                verb = line[:4].upper()
                if verb == b"MAIL":
                    message = {"mail": line.decode("latin1").strip(), "rcpt": []}
                elif verb == b"RCPT":
                    message["rcpt"].append(line.decode("latin1").strip())
                elif verb == b"DATA":
                    say(b"354 go on")
                    self.keep(message, self.body(lines))
                elif verb == b"QUIT":
                    return say(b"221 bye")
                say(b"250 ok")

    @staticmethod
    def body(lines):
        text = []
        for line in lines:
            if line == b".\r\n":
                break
            text.append(line)
        return b"".join(text).decode("latin1")

    def keep(self, message, text):
        with self.changed:
            self.messages.append(dict(message, text=text))
            self.changed.notify_all()

    def wait(self, pattern, timeout=10):
        """The first message whose text or recipients match, or None."""
        def found():
            return next((m for m in self.messages
                         if re.search(pattern, m["text"] + " ".join(m["rcpt"]))), None)
        with self.changed:
            self.changed.wait_for(found, timeout)
            return found()

    def close(self):
        self.sock.close()
