"""postern explain and sendmail -bv tell the same of maps made up at random."""
import random

import pytest

from harness.mail_flow import by_sendmail, by_us, made_up
from harness.seeds import seeds

ADDRESSES = 30


def endless(ends):
    return any("excessive recursion" in text for _, _, text in ends)


@pytest.mark.parametrize("seed", seeds("POSTERN_FLOW_SEED", *range(1, 9)))
def test_the_same_of_anything(site, resolver, seed):
    rng = random.Random(seed)
    mta, maker, mc = made_up(rng, site)
    different = {}
    for address in {maker.address() for _ in range(ADDRESSES)}:
        theirs, ours = by_sendmail(mta, address), by_us(mta, address)
        if endless(theirs) and endless(ours):
            continue  # sendmail goes on with what is left of the address
        if theirs != ours:
            different[address] = (sorted(theirs - ours), sorted(ours - theirs))
    assert different == {}, mc
