"""Who is in Bcc stays unknown to all but the sender: in what arrives, in bounces, in the approver's view, in lists."""
import re

import pytest

from harness.cli import Cli, CliError
from harness.maildir import text_of
from harness.smtp import compose, send, session
from harness.waiting import until

HIDDEN = "himitsu@example.jp"
FIELDS = [b"Bcc: " + HIDDEN.encode(), b"BCC : " + HIDDEN.encode(), b"Bcc:\r\n " + HIDDEN.encode(), b"Resent-Bcc: " + HIDDEN.encode(),
          b"Bcc: a@example.jp\r\nBcc: " + HIDDEN.encode()]


def with_bcc(field, to, **content):
    return field + b"\r\n" + compose(to, **content)


def names_bcc(text):
    return re.search(r"^\s*(resent-)?bcc\s*:", text, re.IGNORECASE | re.MULTILINE)


def everything(server, side, recipient):
    return b"".join(server.sink.raw(side, recipient))


@pytest.mark.parametrize("field", FIELDS, ids=["plain", "capitals and a blank", "folded", "Resent-Bcc", "twice"])
def test_it_does_not_arrive(demo, hanako, field):
    mail_id = send(demo, with_bcc(field, "jiro@example.jp"), ["jiro@example.jp", HIDDEN])
    until(lambda: set(hanako.states(mail_id).values()) <= {"delivered", "held"}, "delivered, or held for its form")
    assert hanako.states(mail_id).keys() == {"jiro@example.jp", HIDDEN}, "the sender knows whom they wrote to"
    for recipient in ("jiro@example.jp", HIDDEN):
        assert not names_bcc(everything(demo, "inside", recipient).decode("utf-8", "replace"))
    assert HIDDEN.encode() not in everything(demo, "inside", "jiro@example.jp")


@pytest.mark.parametrize("ret", ["FULL", "HDRS"])
def test_a_bounce_does_not_show_it(demo, hanako, ret):
    subject = f"returns {ret}"
    with session(demo) as client:
        assert client.mail("hanako@example.jp", [f"RET={ret}"])[0] == 250
        for recipient in ("reject-1@example.jp", HIDDEN):
            assert client.rcpt(recipient)[0] == 250
        assert client.data(with_bcc(FIELDS[0], "reject-1@example.jp", subject=subject))[0] == 250
    bounce = demo.sink.wait("inside", "hanako@example.jp", lambda m: m.get_content_type() == "multipart/report" and subject in str(m))
    assert "reject-1@example.jp" in str(bounce)
    assert HIDDEN not in str(bounce) and not names_bcc(str(bounce))


def test_an_approver_sees_the_recipients_that_they_decide_about_and_no_others(demo, hanako, taro):
    subject = "社外秘 の資料"
    mail_id = send(demo, with_bcc(FIELDS[0], "tanaka@maker.example", subject=subject), ["tanaka@maker.example", HIDDEN])
    hanako.wait_state_of(mail_id, {"tanaka@maker.example": "awaiting_approval", HIDDEN: "delivered"})
    [approval] = taro.approvals(mail_id)
    assert approval["recipients"] == ["tanaka@maker.example"]
    notice = demo.sink.wait("inside", "taro@example.jp", lambda m: subject in str(m["subject"]) or subject in text_of(m))
    shown = str(approval) + text_of(notice) + str(notice)
    assert HIDDEN not in shown and not names_bcc(shown)
    taro.reject(approval["parcel_id"], "差し戻します")
    hanako.wait_state_of(mail_id, {"tanaka@maker.example": "rejected", HIDDEN: "delivered"})
    returned = demo.sink.wait("inside", "hanako@example.jp", lambda m: "差し戻します" in text_of(m) and subject in str(m["subject"]) + text_of(m))
    assert not names_bcc(returned.as_string())


def test_other_recipients_find_it_nowhere(demo, hanako):
    mail_id = send(demo, with_bcc(FIELDS[0], "jiro@example.jp", subject="一覧"), ["jiro@example.jp", HIDDEN])
    hanako.wait_state(mail_id, "delivered")
    jiro = Cli(demo, "jiro@example.jp")
    assert HIDDEN not in jiro.run("mail", "list", "--json").stdout
    with pytest.raises(CliError):
        jiro.trace(mail_id)
