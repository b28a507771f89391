import os
import shutil
import tempfile

import pytest

from harness import dns, net, smtp, syslog


@pytest.fixture(scope="session", autouse=True)
def network():
    net.enter()


@pytest.fixture(scope="session")
def resolver(network):
    return dns.Dns()


@pytest.fixture(scope="session", autouse=True)
def log(network):
    """Everything sent to syslog since the session began."""
    return syslog.Syslog()


@pytest.fixture(scope="session")
def sink(network):
    return smtp.Sink()


@pytest.fixture
def site():
    """A directory that servers of any user can reach, gone after the test."""
    path = tempfile.mkdtemp(prefix="postern.", dir="/tmp")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)
