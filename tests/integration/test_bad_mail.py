"""Mails that two readers could read two ways, or that nobody can read: held with a reason, never sent."""
import io
import zipfile

import pytest

from harness.cli import Cli
from harness.smtp import compose, send, stamped

TO = "someone@shop.example"
HEAD = b"From: hanako@example.jp\r\nTo: someone@shop.example\r\nSubject: =?utf-8?b?5oOh5oSP?=\r\nMIME-Version: 1.0\r\n"


def parts(*bodies, head=b""):
    inner = b"".join(b"--b\r\n" + body + b"\r\n" for body in bodies)
    return HEAD + head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + inner + b"--b--\r\n"


def attachment(name, octets, media_type="application/octet-stream"):
    return compose(TO, attachments=[(name, media_type, octets)])


def deep(levels):
    raw = b"Content-Type: text/plain\r\n\r\nx\r\n"
    for n in range(levels):
        raw = b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) + raw + b"\r\n--b%d--\r\n" % n
    return HEAD + raw


def nested_zip(levels):
    body, name = b"x", "x.txt"
    for _ in range(levels):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(name, body)
        body, name = buffer.getvalue(), "inner.zip"
    return body


def bomb():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("zero.txt", bytes(200 << 20))
    return buffer.getvalue()


BAD = {
    "two content types": HEAD + b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n<p>x\r\n",
    "two transfer encodings": HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n",
    "two boundaries": HEAD + b'Content-Type: multipart/mixed; boundary="a"; boundary="b"\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n--b\r\n\r\ny\r\n--b--\r\n',
    "multipart without an end": HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n',
    "multipart in base64": HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\nContent-Transfer-Encoding: base64\r\n\r\nLS1iDQoNCng=\r\n',
    "base64 with junk": parts(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVs*bG8h#@\r\n"),
    "no MIME-Version": (HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n').replace(b"MIME-Version: 1.0\r\n", b""),
    "two From": b"From: jiro@example.jp\r\n" + HEAD + b"\r\nx\r\n",
    "deeper than 32": deep(40),
    "more than 1,000 parts": parts(*[b"Content-Type: text/plain\r\n\r\nx"] * 1100),
    "message/partial": HEAD + b'Content-Type: message/partial; id="x"; number=1; total=2\r\n\r\nx\r\n',
    "message/external-body": HEAD + b'Content-Type: message/external-body; access-type=URL; URL="http://x.example/"\r\n\r\nContent-Type: text/plain\r\n\r\n',
    "archive bomb": attachment("bomb.zip", bomb(), "application/zip"),
    "archives six deep": attachment("deep.zip", nested_zip(7), "application/zip"),
    "broken archive": attachment("broken.zip", nested_zip(1)[:-30], "application/zip"),
    "winmail.dat": attachment("winmail.dat", b"\x78\x9f\x3e\x22" + bytes(100), "application/ms-tnef"),
}


@pytest.mark.parametrize("name", BAD)
def test_it_is_held_with_a_reason(demo, hanako, name):
    raw = BAD[name] if BAD[name].startswith(b"Date:") else stamped(BAD[name])
    mail_id = send(demo, raw, [TO])
    trace = hanako.wait_state(mail_id, "held")
    admin = Cli(demo, "admin@example.jp").ask("hold", "list", "--all")
    [hold] = [h for h in admin if h["mail_id"] == mail_id]
    assert hold["class"] in ("unreadable", "ambiguous", "error"), hold
    assert hold["reasons"], "the sender is told why"
    assert demo.sink.messages("outside", TO) == [], trace


def test_a_benign_mail_is_not_held_for_its_form(start):
    """Ordinary mail in each form goes through the same gate unharmed."""
    server = start(hold="1s")
    cli = Cli(server, "hanako@example.jp")
    for raw in (compose(TO), compose(TO, attachments=[("表.zip", "application/zip", nested_zip(2))]),
                stamped(parts(b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B$3$s\x1b(B"))):
        cli.wait_state(send(server, raw, [TO]), "delivered")
