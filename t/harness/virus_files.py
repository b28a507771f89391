"""Files of the kinds that hide things, written byte by byte."""
import binascii
import gzip
import os
import shutil
import struct
import subprocess
import zipfile
import zlib

from harness import ole, virus

CRC = zlib.crc32


def uuencoded(data):
    return b"".join(binascii.b2a_uu(data[at:at + 45]).rstrip(b"\n") + b"\r\n"
                    for at in range(0, len(data), 45)) + b"`\r\n"


def yenc(name, data):
    body = b"".join(bytes([61, (c + 106) % 256]) if (c + 42) % 256 in (0, 10, 13, 61)
                    else bytes([(c + 42) % 256]) for c in data)
    return (f"=ybegin line=128 size={len(data)} name={name}\r\n".encode() + body +
            f"\r\n=yend size={len(data)}\r\n".encode())


def pdf_with(data):
    """A PDF with `data` in a compressed stream."""
    packed = zlib.compress(data)
    return (b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\n2 0 obj\n"
            b"<</Length " + str(len(packed)).encode() + b"/Filter/FlateDecode>>\nstream\n" +
            packed + b"\nendstream\nendobj\ntrailer <</Root 1 0 R>>\n%%EOF\n")


def rar_block(kind, flags, fields, data=b""):
    rest = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", CRC(rest) & 0xffff) + rest + data


def rar(name, data, encrypted=False):
    """A RAR 4 archive of one stored file."""
    fields = struct.pack("<IIBIIBBHI", len(data), len(data), 3, CRC(data), 0x5a21a000, 20,
                         0x30, len(name), 0o100644) + name.encode()
    return (b"Rar!\x1a\x07\0" + rar_block(0x73, 0, bytes(6)) +
            rar_block(0x74, 0x8000 | (4 if encrypted else 0), fields, data) +
            rar_block(0x7b, 0x4000, b""))


def packed_rar(directory, name, data):
    """Compressed by rar(1), where it is installed."""
    with open(os.path.join(directory, name), "wb") as f:
        f.write(data)
    path = os.path.join(directory, name + ".rar")
    subprocess.run(["rar", "a", "-ep", "-inul", path, f.name], check=True)
    return virus.contents(path)


def seven_zip(name, data):
    """A 7z archive of one file, stored."""
    def number(n):  # below 2^14
        return bytes([n]) if n < 128 else bytes([0x80 | n >> 8, n & 255])
    names = b"\0" + name.encode("utf-16-le") + b"\0\0"
    header = (b"\1\4" + b"\6\0\1\x09" + number(len(data)) + b"\0" +
              b"\7\x0b\1\0\1\1\0\x0c" + number(len(data)) + b"\x0a\1" +
              struct.pack("<I", CRC(data)) + b"\0\x08\0\0" +
              b"\5\1\x11" + number(len(names)) + names + b"\0\0")
    start = struct.pack("<QQI", len(data), len(header), CRC(header))
    return (b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", CRC(start)) + start + data + header)


def tnef(name, data):
    """winmail.dat with one attachment."""
    def attribute(level, kind, value):
        return (struct.pack("<BII", level, kind, len(value)) + value +
                struct.pack("<H", sum(value) & 0xffff))
    return (struct.pack("<IH", 0x223e9f78, 1) +
            attribute(1, 0x00089006, struct.pack("<I", 0x10000)) +
            attribute(2, 0x00069002, bytes(14)) +
            attribute(2, 0x00018010, name.encode() + b"\0") +
            attribute(2, 0x0006800f, data))


MACRO = b"Sub AutoOpen()\r\n  ' a macro that is known\r\n  MsgBox 1\r\nEnd Sub\r\n"


def optional(directory, data):
    return {"packed.rar": packed_rar(directory, "e.com", data)} if shutil.which("rar") else {}


def containers(directory):
    """name -> bytes of hostile and harmless files of many kinds."""
    e = virus.eicar()
    plain = b"".join(b"line %d of a plain text\r\n" % i for i in range(200))
    wrap = b"Received: from x by y; Thu, 1 Jan 1970 00:00:00 +0000\r\n"
    mail = lambda *a: wrap + virus.message(*a).encode("latin1")
    inner = virus.message(("x.zip", virus.zipped(("e.com", e))))
    return {
        "empty": b"", "one-byte": b"x", "five": b"12345", "plain.txt": plain,
        "eicar.com": e, "eicar.zip": virus.zipped(("e.com", e)),
        "stored.zip": virus.zipped(("e.com", e), method=zipfile.ZIP_STORED),
        "bz2.zip": virus.zipped(("e.com", e), method=zipfile.ZIP_BZIP2),
        "zip-in-zip": virus.nested_zip(e, 5), "too-deep.zip": virus.nested_zip(e, 30),
        "deep-clean.zip": virus.nested_zip(plain, 30), "clean.zip": virus.zipped(("a", plain)),
        "tar.gz": virus.tar_gz("e.com", e), "gz": gzip.compress(virus.clam()),
        "clam-in-tar": virus.tar_gz("clam.exe", virus.clam()),
        "locked.zip": virus.encrypted_zip(directory, "in.txt", plain),
        "locked-eicar.zip": virus.encrypted_zip(directory, "e.com", e),
        "locked-beside-eicar": virus.zipped(
            ("l.zip", virus.encrypted_zip(directory, "b.txt", plain)), ("e.com", e)),
        "bomb.gz": gzip.compress(bytes(120 << 20)),
        "bomb.zip": virus.nested_zip(virus.zipped(*[(f"{i}", bytes(1 << 20)) for i in range(20)]), 3),
        "many.zip": virus.zipped(*[(f"{i}", b"%d" % i) for i in range(12000)]),
        "mail": mail(("e.com", e)), "mail-clean": mail(("p.txt", plain)),
        "mail-nested-zip": mail(("a.zip", virus.nested_zip(e, 3))),
        "mail-locked": mail(("l.zip", virus.encrypted_zip(directory, "c.txt", plain))),
        "mail-in-mail": wrap + (
            'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="o"\r\n\r\n'
            "--o\r\nContent-Type: message/rfc822\r\n\r\n" + inner + "\r\n--o--\r\n").encode(),
        "mail-nul-8bit": wrap + b"Subject: \xe4\x00\r\n\r\nbody \x00\xff\r\n" + e,
        "mail-bare-cr": mail(("e.com", e)).replace(b"\r\n", b"\r"),
        "mail-bare-lf": mail(("e.com", e)).replace(b"\r\n", b"\n"),
        "mail-no-end": mail(("e.com", e)).rstrip()[:-8],
        "html": b"<html><body><a href='http://x.example/'>y</a></body></html>" * 20,
        "pdf": b"%PDF-1.4\n1 0 obj <</Type/Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n",
        "broken.zip": virus.zipped(("e.com", e))[:-30], "gif": b"GIF89a\1\0\1\0\0\0\0;",
        "uuencode": wrap + b"Subject: x\r\n\r\nbegin 644 e.com\r\n" + uuencoded(e) + b"end\r\n",
        "yenc": wrap + b"Subject: x\r\n\r\n" + yenc("e.com", e),
        "pdf-stream": pdf_with(e), "script.html": b"<script>" + e + b"</script>",
        **{"mail-" + kind: mail((kind, virus.contents(virus.TESTFILES + "clam." + kind)))
           for kind in ("tnef", "7z", "pdf", "bin-be.cpio", "arj", "ole.doc", "chm", "cab")},
        "macro.doc": ole.with_macro(MACRO), "mail-macro": mail(("m.doc", ole.with_macro(MACRO))),
        "plain.doc": ole.compound([ole.Entry("WordDocument", b"\xec\xa5" + bytes(700))]),
        "rar": rar("e.com", e), "locked.rar": rar("x.txt", plain[:500], encrypted=True),
        "mail-rar": mail(("e.rar", rar("e.com", e))), "stored.7z": seven_zip("e.com", e),
        "clean.7z": seven_zip("p.txt", plain[:500]), "mail-made-7z": mail(("a.7z", seven_zip("e.com", e))),
        "winmail.dat": tnef("e.com", e), "mail-made-tnef": mail(("winmail.dat", tnef("e.com", e))),
        "mail-pdf": mail(("a.pdf", pdf_with(e))), "mail-html": mail(("a.html", b"<p>" + e)),
        "mail-tar-gz": mail(("a.tgz", virus.tar_gz("e.com", e))), **optional(directory, e),
        "clam-zip-mail": mail(("c.zip", virus.zipped(("c.exe", virus.clam())))),
    }
