"""Networks in relayers.db that would open the relay to most of the Internet."""
import time

import pytest

from harness.relay_milter import vsmtprelay
from harness.sendmail import makemap
from test_maps import Client
from test_torn_maps import relay_milter

WIDE = ["0.0.0.0/0", "128.0.0.0/1", "8.0.0.0/7", "ipv6:0:0:0:0:0:0:0:0/0"]


def test_a_network_that_is_too_wide_is_shown_and_never_counts(tmp_path):
    milter, mail = relay_milter(tmp_path)
    now = int(time.time())
    makemap(mail + "/relayers", "".join(f"{key}\t{now}\n" for key in [*WIDE, "192.0.2.1"]))
    with milter:
        def run(*args):
            return vsmtprelay(*args, "-s", milter.control_socket)

        with Client(milter.map_socket) as client:
            for addr in "8.8.4.4", "IPv6:2a00:1:0:0:0:0:0:9":
                assert client.ask("relayers " + addr).startswith("NOTFOUND")
            assert client.ask("relayers 192.0.2.1").startswith("OK")
        for command in ("dump", "export"):
            code, out, _ = run(command)
            assert code == 0 and out.count("\n") >= 5
            for text in ("0.0.0.0/0", "128.0.0.0/1", "192.0.2.1"):
                assert text in out
        assert "too wide, never counts" in run("show", "8.8.4.4")[1]
        for key in WIDE:
            assert run("delete", key)[0] == 0
        assert run("dump", "--makemap")[1].startswith("192.0.2.1\t")


@pytest.mark.parametrize("wide", ["0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/7", "::/1", "2000::/15"])
def test_add_refuses_it(tmp_path, wide):
    code, _, error = vsmtprelay("-f", str(tmp_path) + "/relayers.db", "add", wide)
    assert (code, error) == (65, f"vsmtprelay: {wide}: too wide, would open the relay to most\n")
