"""Files that are there, or have more lines, for a while."""
import contextlib
import os


@contextlib.contextmanager
def written(path, text):
    """A file that is there for a while; or more lines of one."""
    before = None
    if os.path.exists(path):
        with open(path, encoding="ascii") as f:
            before = f.read()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a", encoding="ascii") as f:
        f.write(text)
    try:
        yield
    finally:
        if before is None:
            os.unlink(path)
        else:       # owner and mode stay
            with open(path, "w", encoding="ascii") as f:
                f.write(before)
