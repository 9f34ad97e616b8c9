"""dkimpy verifies what leaves, with the keys that the demo would publish."""
import re

import dkim
import pytest

from harness.sekisho import DEMO
from harness.smtp import compose, demo_mail, send

RECORDS = dict(re.findall(r'^(\S+) TXT "([^"]+)"', (DEMO / "keys/dkim-records.txt").read_text(), re.MULTILINE))


def published(name, timeout=5):
    return RECORDS.get(name.decode().rstrip(".") + ".", "").encode() or None


@pytest.mark.parametrize("name", ["inside", "odd characters and trailing blanks"])
def test_every_signature_verifies(demo, hanako, name):
    raw = demo_mail("inside") if name == "inside" else compose("jiro@example.jp", subject="半角ｶﾅと①", text="本文 \t \r\n\r\n\r\n")
    hanako.wait_state(send(demo, raw, ["jiro@example.jp"]), "delivered")
    signed = next(m for m in reversed(demo.sink.raw("inside", "jiro@example.jp")) if b"DKIM-Signature:" in m)
    verifier = dkim.DKIM(signed)
    signatures = [v for n, v in verifier.headers if n.lower() == b"dkim-signature"]
    assert sorted(re.search(rb"a=([a-z0-9-]+)", s)[1] for s in signatures) == [b"ed25519-sha256", b"rsa-sha256"]
    for index in range(2):
        assert dkim.DKIM(signed).verify(idx=index, dnsfunc=published)


def test_a_changed_or_added_header_breaks_it(demo, hanako):
    hanako.wait_state(send(demo, compose("jiro@example.jp", subject="改ざん前"), ["jiro@example.jp"]), "delivered")
    signed = demo.sink.raw("inside", "jiro@example.jp")[-1]
    assert dkim.DKIM(signed).verify(dnsfunc=published)
    for header in (b"Subject", b"From", b"To", b"Cc", b"Reply-To", b"Date", b"Content-Type"):
        assert not dkim.DKIM(header + b": x@evil.example\r\n" + signed).verify(dnsfunc=published), header
    assert b"; l=" not in signed.replace(b"\n\t", b" ").replace(b"\r", b"")

