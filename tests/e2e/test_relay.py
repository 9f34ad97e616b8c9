"""Printers and applications behind a relay: what their listener may be told to forgive, and what never."""
import pytest

from harness.cli import Cli
from harness.smtp import Wire, compose, session
from harness.waiting import until

PRINTED = b"From: app@example.jp\nTo: jiro@example.jp\nSubject: scan\nMessage-ID: <scan@example.jp>\n\none\n.\ntwo\n"


@pytest.fixture(scope="module")
def printer(make_server, tmp_path_factory):
    server = make_server(tmp_path_factory.mktemp("printer"))
    [relay] = [one for one in server.config["intake"]["listeners"] if one["kind"] == "RELAY"]
    relay["relay"]["normalize_bare_lf"] = True
    server.write_config()
    with server:
        yield server


def say_mail(port, content, end):
    with Wire(port) as wire:
        for command in ("EHLO printer", "MAIL FROM:<app@example.jp>", "RCPT TO:<jiro@example.jp>", "DATA"):
            assert wire.ask(command)[0] in "23"
        wire.say(content + end)
        return wire.reply()


def test_a_printers_line_feeds_are_forgiven_where_its_listener_says_so(printer):
    assert say_mail(printer.ports["relay"], PRINTED, b"\r\n.\r\n").startswith("250")
    arrived = printer.sink.wait("inside", "jiro@example.jp", lambda m: m["message-id"] == "<scan@example.jp>")
    [raw] = [r for r in printer.sink.raw("inside", "jiro@example.jp") if b"<scan@example.jp>" in r]
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert arrived.get_content().split() == ["one", ".", "two"], "LF.LF ends nothing, even there"


def test_and_nowhere_else(demo, printer):
    assert say_mail(demo.ports["relay"], PRINTED, b"\r\n.\r\n").startswith("5"), "a relay that was not told so"
    with session(printer) as client:
        client.mail("hanako@example.jp")
        client.rcpt("jiro@example.jp")
        client.putcmd("data")
        assert client.getreply()[0] == 354
        client.send(PRINTED.replace(b"app@", b"hanako@") + b"\r\n.\r\n")
        assert client.getreply()[0] == 550, "a login, of the same process"


@pytest.mark.parametrize("charset", ["cp932", "euc-jp", "utf-8", "iso-2022-jp"])
def test_text_without_a_charset_is_read_in_each_that_it_may_be(demo, admin, charset):
    text = "この資料は社外秘です。取扱いに注意してください。".encode(charset)
    with session(demo, relay=True) as client:
        client.mail("app@example.jp")
        client.rcpt("someone@shop.example")
        code, reply = client.data(b"From: app@example.jp\r\nTo: someone@shop.example\r\nSubject: scan\r\n\r\n" + text + b"\r\n")
    assert code == 250
    mail_id = reply.decode().split()[-1]

    def held():
        return [h for h in admin.ask("hold", "list", "--all") if h["mail_id"] == mail_id]
    [hold] = until(held, "it waits")
    assert "confidential-needs-superior" in [r["rule"] for r in hold["reasons"]]


@pytest.mark.parametrize("header", ["From: president@bank.example", "From: app@example.jp, president@bank.example",
                                    "From: app@example.jp\r\nSender: president@bank.example"])
def test_a_relay_writes_as_its_listed_senders_only(demo, header):
    raw = compose("jiro@example.jp", sender="app@example.jp").replace(b"From: app@example.jp", header.encode(), 1)
    with session(demo, relay=True) as client:
        client.mail("app@example.jp")
        client.rcpt("jiro@example.jp")
        assert client.data(raw)[0] == 550


def test_nobody_says_who_they_are_by_a_proxys_header(demo):
    """No listener trusts PROXY (v1 or v2): it is no command."""
    for header in (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12) + b"\r\n"):
        with Wire(demo.ports["relay"]) as wire:
            wire.say(header)
            assert wire.reply()[:1] in ("5", "4", "")


def test_a_loop_stamp_of_ours_bounces_after_four_rounds_and_reaches_nobody(demo):
    """A user can set it too; all it does is to stop that user's own mail."""
    for rounds, state in ((3, "delivered"), (4, "bounced")):
        raw = b"X-Sekisho-Loop: example\r\n" * rounds + compose("jiro@example.jp", subject=f"round {rounds}")
        with session(demo) as client:
            client.mail("hanako@example.jp")
            client.rcpt("jiro@example.jp")
            mail_id = client.data(raw)[1].decode().split()[-1]
        Cli(demo, "hanako@example.jp").wait_state(mail_id, state)
    assert not [m for m in demo.sink.messages("inside", "jiro@example.jp") if str(m["subject"]) == "round 4"]
