"""Real servers and clients for the tests.  Standard library only."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVERS = os.path.join(TOP, "build", "servers")
BIN = os.environ.get("POSTERN_BIN", os.path.join(TOP, "build", "bin"))


def program(name):
    """Path of one of our programs, in the variant under test."""
    return os.path.join(BIN, name)


def server(tree, path):
    """Path inside an unpacked Debian package: server("sasl", "usr/sbin/saslpasswd2")."""
    return os.path.join(SERVERS, tree, path)
