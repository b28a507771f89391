"""postern explain and sendmail -bv tell the same of accepted recipients."""
import subprocess

import pytest

from harness import program
from harness.mail_flow import by_sendmail, by_us, explain, with_logins
from harness.sendmail import Sendmail, makemap

ALIASES = r"""postmaster: root
list: alice, "|/bin/cat x", /var/tmp/box, far@away.example
self: self, bob
loop: pool
pool: loop
slash: \alice
dave+*: carla
dave: bob
erin+known: alice
bob2: bob2@example.org
missing: nobody9, alice
included: :include:{dir}/members
notthere: :include:{dir}/none
upper: ALICE
virtual: info@virt.example
deep: deep1
deep1: deep2
deep2: bob, deep3
deep3: alice
remark: alice (the first), bob
"""
VIRTUAL = """info@virt.example\talice
@virt.example\tbob
sales@example.org\tlist
gone@example.org\terror:nouser 550 no such person
closed@example.org\terror:5.7.0:550 closed for the day
rewritten@example.org\t%1@else.example
detail@example.org\t%1%3@else.example
detail2+*@example.org\tbob+%2
@all.example\t%1@example.org
@error.example\terror:5.1.1:550 nobody here
twice@example.org\tinfo@virt.example
"""
MAILERS = "table.example\tesmtp:[mail.table.example]\n.sub.example\trelay:hub.example\n"
ADDRESSES = """alice bob root nobody1 list self loop pool slash dave dave+x dave+ erin+known erin
    bob2 missing included notthere upper virtual deep remark postmaster
    alice@example.org ALICE@Example.ORG nobody1@example.org alice+d@example.org
    nobody1+d@example.org list@example.org info@virt.example other@virt.example
    sales@example.org gone@example.org closed@example.org rewritten@example.org
    rewritten+d@example.org detail+d@example.org detail2+d@example.org
    alice@all.example nobody1@all.example x+y@all.example any@error.example
    twice@example.org gina@example.org harry@example.org ivan gina ghost
    gina+work alice@localhost alice@mx.example.org root@[127.0.0.1]
    "alice"@example.org bob%table.example@example.org""".split()
ELSEWHERE = "far@away.example x@table.example x@host.sub.example x@sub.example".split()


@pytest.fixture
def mta(site, resolver, request):
    """Its local mailer asks whether a user exists, as it does by default."""
    mc = ("FEATURE(`virtusertable', `hash {dir}/virtusertable')dnl\n"
          "FEATURE(`mailertable', `hash {dir}/mailertable')dnl\n"
          "VIRTUSER_DOMAIN(`virt.example all.example error.example')dnl\n"
          "define(`confFORWARD_PATH', `$z/.forward.$w+$h:$z/.forward+$h:$z/.forward')dnl\n")
    m = Sendmail(site, mc=mc + request.param)
    for name, text in (("virtusertable", VIRTUAL), ("mailertable", MAILERS)):
        m.write(name, text)
        makemap(m.dir + "/" + name, text)
    m.write("members", "bob\n# nobody\nfar@away.example\n")
    m.write("aliases", ALIASES.replace("{dir}", m.dir))
    with_logins(m)
    return m


# What LUSER_RELAY makes of users that are not there.
CATCH_ALL = ["", "define(`LUSER_RELAY', `local:bob')dnl\n",
             "define(`LUSER_RELAY', `error:5.1.1:\"550 not at this host\"')dnl\n",
             "define(`LUSER_RELAY', `relay:other.example')dnl\n"]


@pytest.mark.parametrize("mta", CATCH_ALL, indirect=True)
def test_the_same_as_sendmail(mta):
    different = {}
    for address in ADDRESSES + ELSEWHERE:
        theirs, ours = by_sendmail(mta, address), by_us(mta, address)
        if theirs != ours:
            different[address] = (sorted(theirs), sorted(ours))
    assert different == {}


@pytest.mark.parametrize("mta", [""], indirect=True)
def test_each_step_has_its_source(mta):
    steps = explain(mta, "sales@example.org")["flow"]["steps"]
    assert steps[0] == {"stage": "virtusertable", "source": mta.dir + "/virtusertable",
                        "key": "sales@example.org", "value": "list"}
    assert (steps[1]["stage"], steps[1]["source"]) == ("aliases", mta.dir + "/aliases")
    assert steps[1]["value"].startswith("alice, ")
    forward = explain(mta, "gina")["flow"]["steps"][0]
    assert (forward["stage"], forward["source"]) == ("forward", "/home/gina/.forward")
    bounce = explain(mta, "nobody1")["flow"]["steps"][-1]
    assert (bounce["stage"], bounce["value"]) == ("bounce", "User unknown")


@pytest.mark.parametrize("mta", [""], indirect=True)
def test_only_of_mail_that_is_accepted(mta):
    mta.set_access("To:bob@example.org\tREJECT\n")
    said = explain(mta, "bob@example.org", "--feature", "access_db", "--feature",
                   "blocklist_recipients")
    assert said["verdict"] == "reject" and "flow" not in said


@pytest.mark.parametrize("mta", [""], indirect=True)
def test_for_people(mta):
    done = subprocess.run([program("postern"), "explain", "--mail-dir", mta.dir, "--rcpt",
                           "dave"], text=True, stdout=subprocess.PIPE)
    assert done.stdout.endswith(f"    aliases in {mta.dir}/aliases: dave = bob\n"
                                "    user: bob = /home/bob\ngoes to: bob by local\n")


def test_maps_of_columns(site, resolver):
    """Kind text: no makemap."""
    mta = Sendmail(site, mc="FEATURE(`virtusertable', `text -v1 {dir}/virtual')dnl\n"
                            "FEATURE(`mailertable', `text -z: -k0 -v2 {dir}/mailers')dnl\n"
                            "VIRTUSER_DOMAIN(`virt.example all.example')dnl\n")
    mta.write("virtual", "# x\ninfo@virt.example\talice\n@virt.example  bob rest\n"
                         "INFO@example.org ghost\nsales@example.org\n@all.example %1@example.org\n")
    mta.write("mailers", "table.example:x:esmtp:[mail.table.example]\naway.example:y:local:bob\n")
    with_logins(mta)
    for address in ("info@virt.example z@virt.example Info@example.org sales@example.org "
                    "alice@all.example x@table.example far@away.example").split():
        assert by_sendmail(mta, address) == by_us(mta, address), address
