"""Synthetic signatures and traffic for the benchmark of virus-milter."""
import random

from harness import virus

WORDS = [("word%d" % i).encode() for i in range(3000)]


def signatures(directory, scale=1):
    """80k static and 20k wildcard patterns, 200k and 50k hashes, 5k logical."""
    chance = random.Random(3)
    text = {"s.ndb": [], "s.hsb": [], "s.mdb": [], "s.ldb": []}
    for i in range(80000 // scale):
        text["s.ndb"].append(f"S.{i}:0:*:{chance.randbytes(16).hex()}")
    for i in range(20000 // scale):
        a, b = chance.randbytes(8).hex(), chance.randbytes(8).hex()
        text["s.ndb"].append(f"W.{i}:0:*:{a}*{b}")
    for i in range(200000 // scale):
        text["s.hsb"].append(f"{chance.randbytes(32).hex()}:{1000 + i % 90000}:H.{i}:73")
    for i in range(50000 // scale):
        text["s.mdb"].append(f"{512 * (1 + i % 400)}:{chance.randbytes(16).hex()}:M.{i}")
    for i in range(5000 // scale):
        a, b = chance.randbytes(8).hex(), chance.randbytes(8).hex()
        text["s.ldb"].append(f"L.{i};Engine:81-255,Target:0;0&1;{a};{b}")
    virus.database(directory, [(n, "\n".join(lines) + "\n") for n, lines in text.items()])
    return sum(map(len, text.values()))


def words(chance, size):
    out = b""
    while len(out) < size:
        out += b" ".join(chance.choices(WORDS, k=12)) + b"\r\n"
    return out[:size]


class Traffic:
    """Messages of one kind; `make(n)` -> (headers, body) of the n-th.

    rate  about how many a second there may be, to be made beforehand; 1: they
          are all the same
    """

    def __init__(self, name, aim, make, rate=1000):
        self.name, self.aim, self.make, self.rate = name, aim, make, rate


def parts_of(text, attachment):
    return virus.message(("a.zip", attachment), text=text).partition("\r\n\r\n")


def traffics():
    plain = words(random.Random(1), 4096).decode()
    zipped = virus.zipped(("a.txt", words(random.Random(2), 65536)))
    bad = virus.zipped(("a.txt", words(random.Random(2), 4096)), ("e.com", virus.eicar()))

    def fresh(size):
        def make(n):
            chance = random.Random(n)
            return ("Subject: %d\r\nMIME-Version: 1.0" % n, words(chance, size).decode())
        return make

    def new_zip(n):
        data = random.Random(n).randbytes(49152)  # 64K in base64
        head, _, body = parts_of(str(n), virus.zipped(("a.bin", data)))
        return head, body

    def same_attachment(n):
        head, _, body = parts_of(words(random.Random(n), 500).decode(), zipped)
        return f"X-N: {n}\r\n" + head, body

    def same_body(n):
        head, _, body = parts_of("same", zipped)
        return f"X-N: {n}\r\n" + head, body

    def identical(attachment):
        head, _, body = parts_of(plain, attachment)
        return lambda n: (head, body)
    return [Traffic("every byte new, text 4K", 1.3, fresh(4096)),
            Traffic("every byte new, text 64K", 1.3, fresh(65536), 400),
            Traffic("every byte new, text 1M", 1.3, fresh(1 << 20), 30),
            Traffic("every byte new, zip 64K", 1.3, new_zip, 80),
            Traffic("new headers and text, same attachment", 2, same_attachment),
            Traffic("same body, other headers", 25, same_body, 4000),
            Traffic("identical, clean", 5, identical(zipped), 1),
            Traffic("identical, infected", 25, identical(bad), 1)]
