"""What clients hear, by exit code and text, from real sendmail."""
from harness.filter_gate import gate, mail, rcpts_of, send  # noqa: F401

REPLIES = {65: "554 5.6.0", 67: "550 5.1.1", 68: "550 5.1.2", 69: "554 5.3.0", 70: "554 5.3.0",
           71: "451 4.3.0", 72: "554 5.3.0", 73: "550 5.0.0", 74: "451 4.3.0", 75: "451 4.3.0",
           76: "554 5.3.0", 77: "550 5.7.1", 78: "554 5.3.5", 1: "554 5.3.0", 99: "554 5.3.0"}


def test_exit_codes(gate, sink):
    """Each with /dev/null, HOST and the end of the file, and with a text."""
    ends = {"null": ":0\n/dev/null\n", "host": "HOST\n", "end": "", "box": ":0\nbox\n"}
    rc = "".join(f":0\n* ^Subject: {code} {end}\n{{ EXITCODE={code}\n{text}}}\n"
                 for code in (0, *REPLIES) for end, text in ends.items())
    rc += (':0\n* ^Subject: text\n{ EXITCODE=67\nSMTPREPLY="5.2.1 She has left"\nHOST }\n'
           ':0\n* ^Subject: long\n{ REJECT="550 5.7.1 100% \xe9 ' + "word " * 300 + '" }\n')
    milter, mta = gate(rc)
    for code, reply in REPLIES.items():
        for end in ("null", "host", "end"):
            assert send(mta, mail(f"{code} {end}")).startswith(reply + " "), (code, end)
        assert send(mta, mail(f"{code} box")).code == 250
    for end in ends:
        assert send(mta, mail(f"0 {end}")).code == 250
    assert send(mta, mail("text")) == "550 5.2.1 She has left"
    assert "word word" in send(mta, mail("long"))
    milter.said("EXITCODE is not used")
    assert rcpts_of(sink, "0 box") == rcpts_of(sink, "0 end")
    assert not rcpts_of(sink, "0 null", timeout=0.5) and not rcpts_of(sink, "0 host", timeout=0)
