"""Line ends and NUL, wherever a text of somebody's goes into a header, a list or a command: refused, or made harmless."""
import uuid

import grpc
import pytest

from harness.cli import Cli
from harness.grpc_client import Client, messages
from harness.maildir import text_of
from harness.smtp import Wire, compose, send, stamped
from harness.waiting import until

EVIL = "evil@evil.example"
BREAKS = {"CRLF": "\r\n", "LF": "\n", "CR": "\r", "NUL": "\0"}


def structured(field, bad):
    intake = messages("intake")
    mail = intake.StructuredMail(subject="s", text="t", to=["jiro@example.jp"])
    if field in ("to", "cc"):
        getattr(mail, field).append(f"{bad} <jiro@example.jp>")
    elif field in ("file_name", "media_type"):
        mail.attachments.add(**{"file_name": "a.txt", "media_type": "text/plain", "content": b"x", field: bad})
    else:
        setattr(mail, field, bad)
    return dict(structured=mail)


def request(**fields):
    defaults = dict(request_id=str(uuid.uuid4()), mail_from="hanako@example.jp", recipients=["jiro@example.jp"])
    if "structured" not in fields:
        defaults["raw"] = compose("jiro@example.jp")
    return messages("intake").SubmitMailRequest(**{**defaults, **fields})


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("field", ["subject", "to", "cc", "from", "file_name", "media_type", "mail_from", "recipients", "request_id", "raw"])
def test_no_field_of_a_request_carries_a_line_end(demo, field, name):
    bad = f"x{BREAKS[name]}Bcc: {EVIL}"
    if field == "raw":
        bad = b"From: hanako@example.jp\r\nSubject: x\r\n\r\nbody" + BREAKS[name].encode() + b"more\r\n"
        if name == "CRLF":
            bad += b"\n.\r\n"
    fields = {"mail_from": dict(mail_from=bad), "recipients": dict(recipients=[bad]), "request_id": dict(request_id=bad), "raw": dict(raw=bad)}
    with Client(demo) as client, pytest.raises(grpc.RpcError) as error:
        client.call("intake", "IntakeService", "SubmitMail", request(**fields.get(field) or structured(field, bad)))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT, error.value.details()
    assert EVIL not in (error.value.details() or ""), "nor is it said back"


@pytest.mark.parametrize("name", BREAKS)
def test_an_approvers_comment_adds_no_header(demo, hanako, taro, name):
    mail_id = send(demo, compose("x@shop.example", text="社外秘\r\n"), ["x@shop.example"])
    hanako.wait_state(mail_id, "awaiting_approval")
    mark = uuid.uuid4().hex
    approval = messages("approval")
    with Client(demo, "taro@example.jp") as client:
        try:
            client.call("approval", "ApprovalService", "Reject", approval.RejectRequest(
                parcel_id=taro.approvals(mail_id)[0]["parcel_id"], comment=f"理由 {mark}{BREAKS[name]}Bcc: {EVIL}{BREAKS[name] * 2}--b--"))
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
            return
    hanako.wait_state(mail_id, "rejected")
    notice = demo.sink.wait("inside", "hanako@example.jp", lambda m: mark in text_of(m))
    assert notice["bcc"] is None and EVIL not in " ".join(notice.values())
    assert demo.sink.messages("outside", EVIL) == []


def test_names_and_subjects_of_a_mail_add_no_header_to_what_is_written_about_it(demo, hanako, taro):
    """RFC 2047 and 2231 can hide a line end from every check of the raw octets."""
    mark = uuid.uuid4().hex[:12]
    raw = stamped(b"From: hanako@example.jp\r\nTo: x@shop.example\r\nSubject: =?utf-8?q?" + mark.encode() +
                  b"=0D=0ABcc:_evil=40evil.example=0D=0A=0D=0A?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
                  b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n56S+5aSW56eY\r\n"
                  b"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename*=utf-8''a%0D%0ABcc:%20evil@evil.example%0D%0A.txt\r\n"
                  b"\r\nx\r\n--b--\r\n")
    mail_id = send(demo, raw, ["x@shop.example"])
    until(lambda: set(hanako.states(mail_id).values()) <= {"awaiting_approval", "held"}, "it waits")
    notice = demo.sink.wait("inside", "hanako@example.jp", lambda m: mark in str(m["subject"]) + text_of(m))
    assert notice["bcc"] is None and "\n" not in notice["subject"]
    for approval in taro.approvals(mail_id):
        taro.reject(approval["parcel_id"], "no")
        hanako.wait_state(mail_id, "rejected")
    for recipient in ("hanako@example.jp", "taro@example.jp"):
        for raw_notice in demo.sink.raw("inside", recipient):
            assert b"\nbcc:" not in raw_notice.split(b"\r\n\r\n")[0].lower()
    assert EVIL not in demo.sink.recipients("outside")


def test_what_a_client_calls_itself_adds_no_header(demo):
    mark = uuid.uuid4().hex[:12]
    with Wire(demo.ports["relay"]) as wire:
        wire.ask(f"EHLO x\tBcc:{mark}")
        if wire.ask("MAIL FROM:<app@example.jp>")[0] != "2":
            return
        wire.ask("RCPT TO:<jiro@example.jp>")
        wire.ask("DATA")
        wire.say(compose("jiro@example.jp", subject=mark, sender="app@example.jp") + b".\r\n")
        assert wire.reply().startswith("250")
    arrived = demo.sink.wait("inside", "jiro@example.jp", lambda m: str(m["subject"]) == mark)
    assert arrived["bcc"] is None and mark not in str(arrived["received"])
