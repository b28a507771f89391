"""Questions to servers that a hung one cannot make last: each has a limit.

Each function returns what the server said, or raises Down with the reason.
"""
import datetime
import errno
import os
import socket
import ssl
import struct

SASLAUTHD_LIMIT = 3     # seconds; a live one answers in one millisecond
MILTER_LIMIT = 5
CLAMD_LIMIT = 5
MILTER_VERSION, ALL_ACTIONS, ALL_STEPS = 6, 0x1FF, 0x1FFFFF
LONGEST_PACKET = 65536


class Down(Exception):
    """Why there is no good answer."""


def reason(error, limit):
    if isinstance(error, socket.timeout) or error.errno == errno.EAGAIN:
        return f"no answer in {limit:g} s"
    return os.strerror(error.errno) if error.errno else str(error)


def connected(address, limit):
    """A socket to a path, or to (host, port), with its time limit set."""
    unix = isinstance(address, str)
    where = address if unix else "port %d" % address[1]
    try:
        if not unix:
            return socket.create_connection(address, limit)
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(limit)
        try:
            s.connect(address)
        except OSError:
            s.close()
            raise
        return s
    except OSError as e:
        raise Down(f"connect {where}: {reason(e, limit)}") from None


def banner(address, limit, begins="220", tls=False):
    """The first line that a server says by itself."""
    with connected(address, limit) as plain:
        try:
            s = unverified().wrap_socket(plain) if tls else plain
            line = s.recv(1024).decode("latin1").split("\n")[0].strip()
            if begins == "220" and line.startswith("220"):
                s.sendall(b"QUIT\r\n")
                s.recv(1024)
        except OSError as e:
            raise Down(f"port {address[1]}: {reason(e, limit)}") from None
    if not line.startswith(begins):
        raise Down(f"port {address[1]}: {line or 'closed without a word'}")
    return line


def unverified():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def exactly(s, size):
    data = b""
    while len(data) < size:
        more = s.recv(size - len(data))
        if not more:
            raise Down("it closed the connection")
        data += more
    return data


def saslauthd(path, limit=SASLAUTHD_LIMIT):
    """Asks with an empty login, which is refused before any password is looked
    up: no PAM call, no failed login in a log.  A live one says NO at once."""
    with connected(path, limit) as s:
        try:
            s.sendall(struct.pack("!4H", 0, 0, 0, 0))
            size, = struct.unpack("!H", exactly(s, 2))
            answer = exactly(s, size).decode("latin1")
        except OSError as e:
            raise Down(reason(e, limit)) from None
    if answer[:2] not in ("OK", "NO"):
        raise Down(f"unexpected answer {answer!r}")
    return answer


def milter_address(text):
    """`unix:/path`, `local:/path`, `/path`, `inet:port@host` -> address."""
    kind, colon, rest = text.partition(":")
    if kind in ("inet", "inet6") and colon:
        port, _, host = rest.partition("@")
        any_host = "::1" if kind == "inet6" else "127.0.0.1"
        return (host.strip("[]") or any_host, int(port))
    return rest if colon and kind in ("unix", "local") else text


def milter(where, limit=MILTER_LIMIT):
    """Negotiates as an MTA does -> the protocol version that the milter speaks."""
    try:
        address = milter_address(where)
    except ValueError:
        raise Down(f"not a socket: {where}") from None
    with connected(address, limit) as s:
        try:
            s.sendall(struct.pack("!IcIII", 13, b"O", MILTER_VERSION, ALL_ACTIONS,
                                  ALL_STEPS))
            size, = struct.unpack("!I", exactly(s, 4))
            if not 13 <= size <= LONGEST_PACKET:
                raise Down("it does not speak the milter protocol")
            answer = exactly(s, size)
            s.sendall(struct.pack("!Ic", 1, b"Q"))
        except OSError as e:
            raise Down(reason(e, limit)) from None
    if answer[:1] != b"O":
        raise Down("it refuses to negotiate")
    return struct.unpack("!I", answer[1:5])[0]


def clamd(where, limit=CLAMD_LIMIT):
    """Asks clamd for its version -> when its signatures were made, as time().

    `ClamAV 1.4.6/27345/Mon Jan  2 03:04:05 2026`, by the clock of its host.
    """
    with connected(milter_address(where), limit) as s:
        try:
            s.sendall(b"zVERSION\0")
            said = s.recv(1024).split(b"\0")[0].decode("latin1")
        except OSError as e:
            raise Down(f"{where}: {reason(e, limit)}") from None
    try:
        made = datetime.datetime.strptime(said.split("/")[2], "%a %b %d %H:%M:%S %Y")
    except (IndexError, ValueError):
        raise Down(f"{where}: no signatures: {said or 'closed without a word'}") from None
    return made.timestamp()
