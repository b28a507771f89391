"""A tiny DNS server on 127.0.0.1:53 of the test's network.

Names end as their last label says: `.invalid` does not exist (NXDOMAIN),
`.tempfail` fails (SERVFAIL), every other name has the address 192.0.2.250.
Addresses have a name only where client() says so.
"""
import ipaddress
import socket
import struct
import threading

A, PTR, AAAA = 1, 12, 28
NXDOMAIN, SERVFAIL = 3, 2
FORGED4 = ipaddress.ip_address("203.0.113.254")
FORGED6 = ipaddress.ip_address("2001:db8:fff::fe")


def encode(name):
    out = b""
    for label in name.rstrip(".").split("."):
        out += bytes([len(label)]) + label.encode()
    return out + b"\0"


class Dns(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 53))
        self.lock = threading.Lock()
        self.forget()
        self.start()

    def forget(self):
        """Back to the rules above."""
        with self.lock:
            self.pointers, self.forward, self.status = {}, {}, {}

    def client(self, address, name=None, resolve=None):
        """What a reverse lookup of `address` finds: OK, FORGED, FAIL or TEMP."""
        ip = ipaddress.ip_address(address)
        resolve = resolve or ("OK" if name else "FAIL")
        with self.lock:
            self.pointers.pop(ip.reverse_pointer, None)
            if resolve == "TEMP":
                self.pointers[ip.reverse_pointer] = SERVFAIL
            elif name and resolve in ("OK", "FORGED"):
                self.pointers[ip.reverse_pointer] = name.lower()
                forged = FORGED4 if ip.version == 4 else FORGED6
                self.forward[name.lower()] = ip if resolve == "OK" else forged

    def set_status(self, name, code):
        """Makes a name fail with NXDOMAIN or SERVFAIL."""
        with self.lock:
            self.status[name.lower()] = code

    def answer(self, name, kind):
        """-> (response code, record data or None)"""
        with self.lock:
            if kind == PTR:
                found = self.pointers.get(name, NXDOMAIN)
                return (found, None) if isinstance(found, int) else (0, encode(found))
            if name in self.status:
                return self.status[name], None
            ip = self.forward.get(name)
        last = name.rsplit(".", 1)[-1]
        if last == "tempfail":
            return SERVFAIL, None
        if last in ("invalid", "arpa"):
            return NXDOMAIN, None
        ip = ip or ipaddress.ip_address("192.0.2.250")
        return (0, ip.packed) if (kind, ip.version) in ((A, 4), (AAAA, 6)) else (0, None)

    def run(self):
        while True:
            packet, peer = self.sock.recvfrom(4096)
            try:
                self.sock.sendto(self.reply(packet), peer)
            except (struct.error, IndexError, UnicodeError, OSError):
                continue    # a malformed packet does not end the server

    def reply(self, packet):
        at, labels = 12, []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin1"))
            at += 1 + packet[at]
        kind = struct.unpack(">H", packet[at + 1:at + 3])[0]
        code, data = self.answer(".".join(labels).lower(), kind)
        out = packet[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, bool(data), 0, 0)
        out += packet[12:at + 5]
        if data:
            out += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
        return out
