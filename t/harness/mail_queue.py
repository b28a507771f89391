"""What real sendmail has put into its queue."""
import glob
import os
import re


def plain(text):
    """Without what differs from time to time."""
    text = re.sub(r"\b(\d{12}\.)?[0-9A-Za-z]{8}\d{6}\b", "QUEUEID", text)
    text = re.sub(r"QUEUEID@\S+", "QUEUEID@HOST", text)
    return re.sub(r"\w{3}, \d+ \w{3} \d{4} [\d:]{8} ([-+]\d{4}( \(\w+\))?|GMT)", "DATE", text)


def take(mta):
    """-> [(q or, if held, h; envelope and header; body)]; empties the queue."""
    found = []
    for path in sorted(glob.glob(mta.dir + "/mqueue/[qh]f*"), key=os.path.getmtime):
        data = re.sub("/[qh]f", "/df", path)
        with open(path, encoding="latin1") as f:
            text = f.read()
        with open(data, encoding="latin1", newline="") as f:
            body = f.read()
        kept = re.findall(r"^(?:[HRSq].*|[ \t].*)$", text, re.M)
        found.append((os.path.basename(path)[0], plain("\n".join(kept)), body))
        os.unlink(path)
        os.unlink(data)
    return found
