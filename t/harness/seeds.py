"""Seeds of tests that make up what they say."""
import os


def seeds(variable, *fixed):
    """These; or the one that the environment names, to try or repeat another.
    What a change is held to must not depend on luck."""
    if variable in os.environ:
        return [int(os.environ[variable])]
    return list(fixed)
