"""Python's smtplib as a client."""
import smtplib

import pytest

from harness.smtp import compose, send, send_in, session


def test_extensions_before_and_after_tls(demo):
    with smtplib.SMTP("localhost", demo.ports["submission"], timeout=30) as client:
        client.ehlo()
        assert client.has_extn("starttls") and not client.has_extn("auth")
    with session(demo) as client:
        client.ehlo()
        for extension in ("size", "pipelining", "8bitmime", "smtputf8", "chunking", "dsn", "enhancedstatuscodes"):
            assert client.has_extn(extension), extension
        assert not client.has_extn("starttls")
        assert set(client.esmtp_features["auth"].split()) == {"PLAIN", "LOGIN"}
        assert int(client.esmtp_features["size"]) == 50 << 20


@pytest.mark.parametrize("implicit_tls", [False, True])
def test_a_mail_arrives_octet_for_octet(demo, hanako, implicit_tls):
    subject = f"そのまま届く {implicit_tls}"
    raw = compose("jiro@example.jp", subject=subject, text=".dot\r\n..dots\r\n" + "行\r\n" * 2000)
    mail_id = send(demo, raw, ["jiro@example.jp"], implicit_tls=implicit_tls)
    hanako.wait_state(mail_id, "delivered")
    demo.sink.wait("inside", "jiro@example.jp", lambda m: str(m["subject"]) == subject)
    assert any(mail.replace(b"\r\n", b"\n").endswith(raw.replace(b"\r\n", b"\n")) for mail in demo.sink.raw("inside", "jiro@example.jp")), \
        "only trace headers and signatures are put in front"


def test_eight_bit_and_utf8(demo, hanako):
    raw = compose("jiro@example.jp").replace(b"hanako@example.jp", "花子 <hanako@example.jp>".encode(), 1)
    raw = raw.split(b"\r\n\r\n")[0].replace(b"base64", b"8bit") + "\r\n\r\n八ビット\r\n".encode()
    with session(demo) as client:
        mail_id = send_in(client, raw, "hanako@example.jp", ["jiro@example.jp"], ["SMTPUTF8", "BODY=8BITMIME"])
    hanako.wait_state(mail_id, "delivered")


def test_several_mails_in_one_session(demo, hanako):
    with session(demo) as client:
        ids = [send_in(client, compose("jiro@example.jp"), "hanako@example.jp", ["jiro@example.jp"]) for _ in range(5)]
    assert len(set(ids)) == 5
    for mail_id in ids:
        hanako.wait_state(mail_id, "delivered")


def test_a_mail_over_the_announced_size_is_refused_before_data(demo):
    with session(demo) as client:
        code, reply = client.mail("hanako@example.jp", [f"SIZE={(50 << 20) + 1}"])
        assert code == 552 and b"5.3.4" in reply


def test_one_mail_three_treatments(demo, hanako):
    recipients = ["jiro@example.jp", "sato@partner.example", "someone@shop.example"]
    mail_id = send(demo, compose(recipients), recipients)
    trace = hanako.wait_state_of(mail_id, {"jiro@example.jp": "delivered", "sato@partner.example": "delivered",
                                           "someone@shop.example": "held"})
    assert len({r["parcel_id"] for r in trace["recipients"]}) == 3
