"""The demo's seven ways, as its README tells them, followed with `sekisho trace`."""
import email
import email.policy
import io
import re
import subprocess

import pytest
import pyzipper

from harness.cli import CliError, TERMINAL, WAITING
from harness.maildir import text_of
from harness.sekisho import DEMO


def original(name):
    return email.message_from_bytes((DEMO / f"mails/{name}.eml").read_bytes(), policy=email.policy.default)


def files_of(message):
    return {a.get_filename(): a.get_content() for a in message.iter_attachments()}


def about(name):
    """Accepts the mails whose subject is that of the demo mail."""
    subject = str(original(name)["subject"])
    return lambda message: str(message["subject"]) == subject


def check_trace(trace, mail_id):
    """The shape that others build on."""
    assert trace["mail_id"] == mail_id
    for recipient in trace["recipients"]:
        assert {"address", "state", "parcel_id"} <= recipient.keys()
        assert recipient["state"] in TERMINAL | WAITING
    for event in trace["events"]:
        assert {"time", "stage", "type", "detail"} <= event.keys()
    times = [event["time"] for event in trace["events"]]
    assert times == sorted(times)


def test_inside_goes_at_once(demo, hanako):
    mail_id = hanako.demo_send("inside")
    trace = hanako.wait_state(mail_id, "delivered")
    check_trace(trace, mail_id)
    assert [r["address"] for r in trace["recipients"]] == ["jiro@example.jp"]
    assert [e["stage"] for e in trace["events"]][0] == "intake"
    assert {e["stage"] for e in trace["events"]} == {"intake", "policy", "delivery"}, "nothing to approve or seal: skipped"
    arrived = demo.sink.wait("inside", "jiro@example.jp", about("inside"))
    assert files_of(arrived) == files_of(original("inside"))


def test_outside_is_held_and_released(demo, hanako):
    mail_id = hanako.demo_send("outside")
    hanako.wait_state(mail_id, "held")
    [hold] = hanako.holds(mail_id)
    assert hold["recipients"] == ["suzuki@shop.example"]
    assert hold["parcel_id"] and hold["due"] and hold["reasons"]
    assert demo.sink.messages("outside", "suzuki@shop.example") == []
    hanako.release(hold["parcel_id"])
    check_trace(hanako.wait_state(mail_id, "delivered"), mail_id)
    arrived = demo.sink.wait("outside", "suzuki@shop.example", about("outside"))
    assert files_of(arrived) == files_of(original("outside"))
    assert hanako.holds(mail_id) == []


def test_outside_goes_by_itself_when_the_hold_is_over(start):
    from harness.cli import Cli
    server = start(hold="2s")
    cli = Cli(server, "hanako@example.jp")
    mail_id = cli.demo_send("outside")
    trace = cli.wait_state(mail_id, "delivered")
    assert "held" in [e["type"] for e in trace["events"]]
    server.sink.wait("outside", "suzuki@shop.example", about("outside"))


def test_recall_takes_a_held_mail_back(demo, hanako):
    mail_id = hanako.demo_send("recall")
    hanako.wait_state(mail_id, "held")
    answers = hanako.recall(mail_id)
    assert answers.keys() == {"suzuki@shopp.example"}
    assert answers["suzuki@shopp.example"] in ("recalled", "pending")
    hanako.wait_state(mail_id, "recalled")
    assert hanako.recall(mail_id) == {"suzuki@shopp.example": "recalled"}, "asking again says the same"
    assert hanako.holds(mail_id) == []
    assert demo.sink.messages("outside", "suzuki@shopp.example") == []


def test_recall_comes_too_late_for_a_delivered_mail(hanako):
    mail_id = hanako.demo_send("inside")
    hanako.wait_state(mail_id, "delivered")
    assert hanako.recall(mail_id) == {"jiro@example.jp": "too_late"}
    assert hanako.states(mail_id) == {"jiro@example.jp": "delivered"}


def test_confidential_is_approved_by_the_superior(demo, hanako, taro):
    mail_id = hanako.demo_send("confidential")
    hanako.wait_state(mail_id, "awaiting_approval")
    [approval] = taro.approvals(mail_id)
    assert approval["recipients"] == ["tanaka@maker.example"]
    assert any("社外秘" in str(reason) for reason in approval["reasons"])
    notice = demo.sink.wait("inside", "taro@example.jp")
    assert "新製品の仕様について" in text_of(notice)
    assert demo.sink.wait("inside", "hanako@example.jp", lambda m: "新製品の仕様について" in text_of(m))
    taro.approve(approval["parcel_id"])
    check_trace(hanako.wait_state(mail_id, "delivered"), mail_id)
    arrived = demo.sink.wait("outside", "tanaka@maker.example", about("confidential"))
    assert files_of(arrived) == files_of(original("confidential"))


def test_nobody_approves_their_own_mail(hanako, taro):
    mail_id = hanako.demo_send("confidential")
    hanako.wait_state(mail_id, "awaiting_approval")
    [approval] = taro.approvals(mail_id)
    with pytest.raises(CliError):
        hanako.approve(approval["parcel_id"])
    with pytest.raises(CliError):
        hanako.release(approval["parcel_id"])
    assert set(hanako.states(mail_id).values()) == {"awaiting_approval"}
    taro.reject(approval["parcel_id"], "確認のため差し戻します")
    hanako.wait_state(mail_id, "rejected")


def test_rejected_comes_back_with_the_comment(demo, hanako, taro):
    mail_id = hanako.demo_send("reject")
    hanako.wait_state(mail_id, "awaiting_approval")
    [approval] = taro.approvals(mail_id)
    with pytest.raises(CliError):
        taro.reject(approval["parcel_id"], "")
    taro.reject(approval["parcel_id"], "顧客名簿は社外へ送れません。")
    check_trace(hanako.wait_state(mail_id, "rejected"), mail_id)
    notice = demo.sink.wait("inside", "hanako@example.jp", lambda m: "顧客名簿は社外へ送れません。" in text_of(m))
    assert "rejected" in text_of(notice).lower(), "notices are in Japanese and English"
    with pytest.raises(CliError):
        taro.approve(approval["parcel_id"])
    assert not any(about("reject")(m) for m in demo.sink.messages("outside", "tanaka@maker.example"))


def test_partner_opens_it_with_openssl(demo, hanako, tmp_path):
    mail_id = hanako.demo_send("partner")
    trace = hanako.wait_state(mail_id, "delivered")
    assert "encryption" in {e["stage"] for e in trace["events"]}
    demo.sink.wait("outside", "sato@partner.example")
    [raw] = demo.sink.raw("outside", "sato@partner.example")
    assert b"PT-0417_B.pdf" not in raw
    (tmp_path / "sealed.eml").write_bytes(raw)
    keys = DEMO / "keys"
    subprocess.run(["openssl", "cms", "-decrypt", "-in", tmp_path / "sealed.eml", "-recip", keys / "partner.pem",
                    "-inkey", keys / "partner.key", "-out", tmp_path / "signed.eml"], check=True)
    subprocess.run(["openssl", "cms", "-verify", "-in", tmp_path / "signed.eml", "-CAfile", keys / "demo-ca.pem",
                    "-out", tmp_path / "clear.eml"], check=True)
    clear = email.message_from_bytes((tmp_path / "clear.eml").read_bytes(), policy=email.policy.default)
    assert files_of(clear) == files_of(original("partner"))
    assert "部品図の改訂版" in text_of(clear)


def test_customer_opens_the_zip_with_the_password_that_the_sender_got(demo, hanako, tmp_path):
    mail_id = hanako.demo_send("customer")
    hanako.wait_state(mail_id, "delivered")
    arrived = demo.sink.wait("outside", "takahashi@customer.example", about("customer"))
    [archive] = arrived.iter_attachments()
    assert archive.get_filename().endswith(".zip")
    notice = demo.sink.wait("inside", "hanako@example.jp", lambda m: password_in(m) is not None)
    password = password_in(notice)
    assert password not in arrived.as_string()
    demo.canaries.add(password)
    expected = files_of(original("customer"))

    with pyzipper.AESZipFile(io.BytesIO(archive.get_content())) as opened:
        assert all(entry.flag_bits & 0x1 and entry.compress_type == 99 or entry.wz_aes_strength for entry in opened.infolist())
        assert {entry.wz_aes_strength for entry in opened.infolist()} == {3}, "AES-256"
        opened.setpassword(password.encode())
        assert {name: opened.read(name) for name in opened.namelist()} == expected
        opened.setpassword(b"0123456789abcdef")
        with pytest.raises(RuntimeError):
            opened.read(opened.namelist()[0])

    (tmp_path / "sealed.zip").write_bytes(archive.get_content())
    subprocess.run(["7z", "x", f"-p{password}", f"-o{tmp_path / 'out'}", tmp_path / "sealed.zip"], check=True,
                   stdout=subprocess.DEVNULL, env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"})
    assert {f.name: f.read_bytes() for f in (tmp_path / "out").iterdir()} == expected


def password_in(message):
    """The password in a password notice: a line of its own with 16 characters."""
    if "customer.example" not in text_of(message):
        return None
    found = re.search(r"^\s*(\S{16})\s*$", text_of(message), re.MULTILINE)
    return found[1] if found else None


def test_many_outside_recipients_do_not_see_each_other(demo, hanako):
    mail_id = hanako.demo_send("many-recipients")
    trace = hanako.wait_state(mail_id, "held")
    assert len(trace["recipients"]) == 12
    for hold in hanako.holds(mail_id):
        hanako.release(hold["parcel_id"])
    hanako.wait_state(mail_id, "delivered")
    for recipient in hanako.states(mail_id):
        raw = [r for r in demo.sink.raw("outside", recipient)][-1]
        assert not re.search(rb"buyer\d\d@(?!%s)" % recipient.split("@")[1].encode(), raw.split(b"\r\n\r\n")[0].split(b"\n\n")[0]), \
            "another recipient's address is in the header"


def test_legacy_japanese_is_read(hanako, taro):
    mail_id = hanako.demo_send("japanese-legacy")
    hanako.wait_state(mail_id, "awaiting_approval")
    [approval] = taro.approvals(mail_id)
    assert approval["subject"] == "原価表の送付（検査装置 KX-200）"


def test_an_archive_that_nobody_can_scan_is_held(demo, hanako):
    mail_id = hanako.demo_send("encrypted-zip")
    trace = hanako.wait_state(mail_id, "held")
    assert any(e.get("type") == "held" for e in trace["events"])
    with pytest.raises(CliError):
        hanako.release(trace["recipients"][0]["parcel_id"])
    assert hanako.states(mail_id) == {"suzuki@shop.example": "held"}
    assert demo.sink.wait("inside", "hanako@example.jp", lambda m: "資料の送付" in text_of(m))
