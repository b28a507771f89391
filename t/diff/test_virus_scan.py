"""The verdict of `postern scan` is clamscan's, on every file, same options."""
import hashlib
import json
import os
import subprocess

import pytest

from harness import virus, virus_files

BIN = os.environ["POSTERN_BIN"]

# name, flags of clamscan, virus section of postern.yaml
SETTINGS = [
    ("defaults", ["--alert-encrypted", "--alert-exceeds-max"], ""),
    ("nothing extra", ["--alert-exceeds-max"], "  detect: {encrypted: no, phishing: no}\n"),
    ("everything", ["--alert-encrypted", "--alert-exceeds-max", "--alert-broken",
                    "--alert-broken-media", "--alert-macros", "--detect-pua"],
     "  detect: {pua: yes, encrypted: yes, macros: yes, broken: yes}\n"),
    ("tight limits", ["--alert-exceeds-max", "--max-recursion=4", "--max-files=50",
                      "--max-scansize=2M", "--max-filesize=1500K"],
     "  detect: {encrypted: no}\n"
     "  limits: {recursion: 4, files: 50, scan_size: 2M, file_size: 1500K}\n"),
]


def corpus(directory):
    """Every test file of ClamAV and what we make ourselves, as paths."""
    paths = list(virus.testfiles())
    made = os.path.join(directory, "made")
    os.mkdir(made)
    for name, data in virus_files.containers(directory).items():
        path = os.path.join(made, name)
        with open(path, "wb") as f:
            f.write(data)
        paths.append(path)
    return paths


def status_of(name):
    """What a name given by clamscan counts as."""
    if name.startswith("Heuristics.Limits.Exceeded"):
        return "limits"
    if name.startswith("Heuristics.Encrypted."):
        return "protected"
    if name.startswith(("Heuristics.", "PUA.")):
        return "suspicious"
    return "infected"


def clamscan(database, flags, paths):
    done = subprocess.run([virus.CLAMSCAN, "-d", database, "--no-summary", *flags, *paths],
                          stdout=subprocess.PIPE, text=True, timeout=300)
    out = {}
    for line in done.stdout.splitlines():
        path, _, said = line.rpartition(": ")
        if said.endswith(" FOUND"):
            name = said[:-len(" FOUND")]
            out[path] = (status_of(name), name)
        elif said in ("OK", "Empty file"):
            out[path] = ("clean", None)
        else:
            out[path] = ("error", said)
    return done.returncode, out


def postern_scan(config, paths):
    done = subprocess.run([BIN + "/postern", "scan", "--json", "-c", config, *paths],
                          stdout=subprocess.PIPE, text=True, timeout=300)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {v["file"]: v for v in lines}


# Where the answers differ on purpose: clamscan calls it clean although a limit
# cut it short, or names only one of two alerts.
def stricter(theirs, ours):
    return ours["status"] == "limits" and theirs in ("clean", "protected", "suspicious")


@pytest.mark.parametrize("name,flags,section", SETTINGS, ids=[s[0] for s in SETTINGS])
def test_as_clamscan(site, name, flags, section):
    database = virus.database(site + "/db", [(
        "macro.ndb", "Macro.Known:0:*:" + b"a macro that is known".hex() + "\n")])
    os.mkdir(site + "/tmp")
    os.chmod(site + "/tmp", 0o755)
    config = site + "/postern.yaml"
    with open(config, "w") as f:
        f.write(f"virus:\n  database: {database}\n  temp_dir: {site}/tmp\n"
                f"  max_message: 500M\n{section}")
    paths = corpus(site)
    their_code, theirs = clamscan(database, flags, paths)
    our_code, ours = postern_scan(config, paths)
    assert set(ours) == set(theirs) == set(paths)
    wrong = []
    for path in paths:
        status, signature = theirs[path]
        same = ours[path]["status"] == status and ours[path].get("signature") == signature
        if not same and not stricter(status, ours[path]):
            wrong.append((os.path.basename(path), theirs[path], ours[path]))
    assert not wrong
    assert our_code == their_code == 1
    made = {os.path.basename(p): v for p, v in ours.items()}
    for kind in ("stored.7z", "winmail.dat", "mail-made-7z", "mail-made-tnef", "mail-tar-gz",
                 "mail-pdf", "macro.doc", "mail-macro", "uuencode", "zip-in-zip", "mail-in-mail"):
        assert made[kind]["status"] == "infected" or name == "tight limits", (kind, made[kind])
    if name == "everything":
        assert made["plain.doc"]["status"] == "clean"
    if name == "defaults":
        infected = [p for p in virus.testfiles() if ours[p]["status"] == "infected"]
        assert len(infected) == len(virus.testfiles()) >= 44


def signatures_of_every_kind():
    """(file name, text) of signatures, and name -> bytes of what they find."""
    text = {kind: b"this file is known by a signature in ." + kind.encode() + b"\r\n" * 9
            for kind in ("db", "hdb", "hsb", "ndb", "ldb", "yara", "ign2", "sfp")}
    sha, md5 = hashlib.sha256, hashlib.md5
    files = [
        ("a.db", f"Kind.Db={text['db'].hex()}\n"),
        ("a.hdb", f"{md5(text['hdb']).hexdigest()}:{len(text['hdb'])}:Kind.Hdb\n"),
        ("a.hsb", f"{sha(text['hsb']).hexdigest()}:*:Kind.Hsb:73\n"
                  f"{sha(text['ign2']).hexdigest()}:*:Kind.Ign2:73\n"
                  f"{sha(text['sfp']).hexdigest()}:*:Kind.Sfp:73\n"),
        ("a.ndb", f"Kind.Ndb:0:*:{text['ndb'][:30].hex()}{{-9}}{text['ndb'][34:40].hex()}\n"),
        ("a.ldb", f"Kind.Ldb;Engine:81-255,Target:0;0&1;{text['ldb'][:9].hex()};"
                  f"{text['ldb'][38:42].hex()}\n"),
        ("a.yara", 'rule kind_yara { strings: $a = ".yara" condition: $a }\n'),
        ("a.cdb", "Kind.Cdb:CL_TYPE_ZIP:*:named-.*:*:*:*:*:*:*\n"),
        ("a.ign2", "Kind.Ign2\n"),
        ("a.sfp", f"{sha(text['sfp']).hexdigest()}:*:Fine:73\n")]
    return files, {**text, "cdb": virus.zipped(("named-x", b"anything"))}


def test_every_kind_of_signature(site):
    files, samples = signatures_of_every_kind()
    database = virus.database(site + "/db", files)
    with open(site + "/postern.yaml", "w") as f:
        f.write(f"virus: {{database: {database}}}\n")
    paths = []
    for name, data in samples.items():
        paths.append(f"{site}/{name}.sample")
        with open(paths[-1], "wb") as f:
            f.write(data)
    _, theirs = clamscan(database, ["--alert-exceeds-max"], paths)
    _, ours = postern_scan(site + "/postern.yaml", paths)
    for path in paths:
        name = os.path.basename(path)
        assert (ours[path]["status"], ours[path].get("signature")) == theirs[path], name
        found = name.split(".")[0] not in ("ign2", "sfp")
        assert ours[path]["status"] == ("infected" if found else "clean"), (name, ours[path])


def test_exit_codes(site):
    database = virus.database(site + "/db")
    with open(site + "/clean", "w") as f:
        f.write("hello\n")
    scan = [BIN + "/postern", "scan", "-d", database]
    run = lambda *a: subprocess.run([*scan, *a], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
    assert run(site + "/clean").returncode == 0
    assert run(site + "/clean", virus.TESTFILES + "clam.zip").returncode == 1
    missing = run(site + "/none", virus.TESTFILES + "clam.zip")
    assert missing.returncode == 2
    assert "error (No such file or directory)" in missing.stdout
    assert run("--nonsense").returncode == 64
    assert subprocess.run([BIN + "/postern", "scan", "-d", site + "/none", site + "/clean"],
                          stderr=subprocess.PIPE).returncode == 2
