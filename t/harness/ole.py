"""An OLE2 document with a VBA macro, written byte by byte ([MS-CFB],
[MS-OVBA])."""
import struct

FREE, END, FAT = 0xffffffff, 0xfffffffe, 0xfffffffd
SECTOR, MINI, CUTOFF = 512, 64, 4096


def compressed(data):
    """A container of chunks that hold literals alone ([MS-OVBA] 2.4.1)."""
    out = b"\1"
    for at in range(0, len(data), 3600):
        piece = data[at:at + 3600]
        tokens = b"".join(b"\0" + piece[i:i + 8] for i in range(0, len(piece), 8))
        out += struct.pack("<H", 0xb000 | len(tokens) - 1) + tokens
    return out


def record(kind, data):
    return struct.pack("<HI", kind, len(data)) + data


def both(kind, unicode_kind, text):
    """A text as bytes and as UTF-16."""
    return record(kind, text.encode()) + record(unicode_kind, text.encode("utf-16-le"))


def project(module):
    """The stream `dir` of a project with one module."""
    return b"".join([
        record(0x01, struct.pack("<I", 1)), record(0x02, struct.pack("<I", 0x409)),
        record(0x14, struct.pack("<I", 0x409)), record(0x03, struct.pack("<H", 1252)),
        record(0x04, b"Project"), both(0x05, 0x40, ""), record(0x06, b""), record(0x3d, b""),
        record(0x07, bytes(4)), record(0x08, bytes(4)),
        struct.pack("<HIIH", 0x09, 4, 1, 1), both(0x0c, 0x3c, ""),
        record(0x0f, struct.pack("<H", 1)), record(0x13, struct.pack("<H", 0xffff)),
        both(0x19, 0x47, module), both(0x1a, 0x32, module), both(0x1c, 0x48, ""),
        record(0x31, bytes(4)), record(0x1e, bytes(4)), record(0x2c, struct.pack("<H", 0xffff)),
        record(0x21, b""), record(0x2b, b""), record(0x10, b"")])


class Entry:
    """A storage (children) or a stream (data)."""

    def __init__(self, name, data=None, children=()):
        self.name, self.data, self.children = name, data, list(children)
        self.number = self.start = self.child = self.right = None


def numbered(root):
    """Every entry in order; children are a list by their right siblings."""
    entries = [root]
    for entry in entries:
        entry.number = entries.index(entry)
        entries += sorted(entry.children, key=lambda e: (len(e.name), e.name.upper()))
    for entry in entries:
        row = [e for e in entries if e in entry.children]
        entry.child = row[0].number if row else FREE
        for left, right in zip(row, row[1:] + [None]):
            left.right = right.number if right else FREE
    root.right = FREE
    return entries


def chain(table, data, unit):
    """Adds the sectors of `data` to a table; returns its first one."""
    count = -(-len(data) // unit)
    start = len(table)
    table += [start + i + 1 for i in range(count - 1)] + [END]
    return start


def padded(data, unit):
    return data + bytes(-len(data) % unit)


def entry_bytes(entry, root):
    name = entry.name.encode("utf-16-le") + b"\0\0"
    kind = 5 if entry is root else 2 if entry.data is not None else 1
    size = len(entry.data) if entry.data is not None else 0
    return (name.ljust(64, b"\0") + struct.pack("<HBB", len(name), kind, 1) +
            struct.pack("<III", FREE, entry.right, entry.child) + bytes(36) +
            struct.pack("<IQ", entry.start if entry.start is not None else 0, size))


def compound(children):
    """A compound file of small streams: all are in the mini stream."""
    root = Entry("Root Entry", None, children)
    entries = numbered(root)
    mini_table, mini = [], b""
    for entry in entries:
        if entry.data is not None:
            assert len(entry.data) < CUTOFF
            entry.start = chain(mini_table, entry.data, MINI)
            mini += padded(entry.data, MINI)
    table, body = [FAT], bytes(SECTOR)  # one sector of the table itself
    root.data = mini
    root.start = chain(table, mini, SECTOR)
    directory = b"".join(entry_bytes(e, root) for e in entries)
    mini_fat = struct.pack(f"<{len(mini_table)}I", *mini_table)
    starts = []
    body += padded(mini, SECTOR)
    for data, fill in ((directory, b"\0"), (mini_fat, b"\xff")):
        starts.append(chain(table, data, SECTOR))
        body += data + fill * (-len(data) % SECTOR)
    assert len(table) <= SECTOR // 4
    fat = struct.pack("<128I", *(table + [FREE] * (128 - len(table))))
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3e, 3, 0xfffe, 9, 6, 0, 1, starts[0], 0, CUTOFF,
        starts[1], -(-len(mini_fat) // SECTOR), END, 0)
    return head + struct.pack("<109I", 0, *[FREE] * 108) + fat + body[SECTOR:]


def with_macro(source):
    """A document whose module has this source."""
    vba = [Entry("dir", compressed(project("Module1"))), Entry("Module1", compressed(source)),
           Entry("_VBA_PROJECT", bytes.fromhex("cc61ffff000000"))]
    return compound([
        Entry("WordDocument", bytes.fromhex("eca5c100") + bytes(508)),
        Entry("Macros", None, [Entry("VBA", None, vba), Entry(
            "PROJECT", b"ID=\"{0}\"\r\nModule=Module1\r\nName=\"Project\"\r\n")])])
