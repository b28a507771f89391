import pytest

from harness import package


@pytest.fixture(scope="session")
def deb(network):
    """Path of the package of what is built."""
    return package.build()
