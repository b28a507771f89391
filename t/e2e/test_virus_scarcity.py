"""However little a worker is given, a message that it could not look at is
never clean: the folder for unpacking and the memory in small steps."""
import json
import os
import random
import subprocess

import pytest

from harness import program, virus


def layers(filler):
    """EICAR in the last member of a zip, stored, so that the zip lies in the
    folder while its member is unpacked; in a base64 attachment."""
    inner = virus.zipped(("f.bin", filler), ("e.com", virus.eicar()),
                         method=virus.zipfile.ZIP_STORED)
    return virus.message(("a.zip", virus.zipped(("in.zip", inner))), ("t.txt", b"text"))


def scan(site, settings):
    with open(site + "/postern.yaml", "w") as f:
        f.write(f"virus:\n  database: {site}/db\n  temp_dir: {site}/tmp\n  workers: 1\n"
                f"  self_test: clean\n{settings}")
    done = subprocess.run([program("postern"), "scan", "--json", "-c", site + "/postern.yaml",
                           site + "/mail"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120)
    return json.loads(done.stdout)["status"] if done.stdout else "not ready: " + done.stderr


@pytest.fixture
def place(site):
    virus.database(site + "/db")
    os.mkdir(site + "/tmp")
    os.chmod(site + "/tmp", 0o755)
    return site


def write_mail(site, text):
    with open(site + "/mail", "w") as f:
        f.write(text)


def test_a_folder_of_any_size(place):
    write_mail(place, layers(random.Random(5).randbytes(90_000)))
    # tmpfs gives whole pages; beyond 400K all fits.
    sizes = list(range(4, 112, 12)) + list(range(112, 400, 24))
    got = {size: scan(place, f"  temp_size: {size}K\n") for size in sizes}
    assert set(got.values()) <= {"infected", "error"} or all(
        status.startswith("not ready") for status in got.values()
        if status not in ("infected", "error")), got
    assert got[4] != "infected" and got[sizes[-1]] == "infected"


def test_memory_of_any_size(place):
    write_mail(place, layers(bytes(30_000_000)))
    sizes = [1, 4, 12, 20, 28, 32, 36, 40, 48, 64, 100, 200]
    got = {size: scan(place, f"  worker_memory: {size}M\n  limits: {{scan_time: 5s}}\n")
           for size in sizes}
    assert all(status in ("infected", "error") or status.startswith("not ready")
               for status in got.values()), got
    assert got[1] != "infected" and got[200] == "infected"
