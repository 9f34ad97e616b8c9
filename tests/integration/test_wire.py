"""What a hostile client tries on the wire (docs/security.md), against the shipped binary."""
import base64
import socket
import subprocess
import time

import pytest

from harness.cli import Cli
from harness.maildir import text_of
from harness.sekisho import BIN, PASSWORD, Sekisho
from harness.smtp import Wire, compose, send, session

RELAY = ["EHLO client.example.jp", "MAIL FROM:<app@example.jp>", "RCPT TO:<jiro@example.jp>", "DATA"]


def to_data(wire, commands=RELAY):
    for command in commands:
        reply = wire.ask(command)
        assert reply[0] in "23", (command, reply)


SMUGGLED = b"MAIL FROM:<evil@example.jp>\r\nRCPT TO:<taro@example.jp>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\x00.\r\n", b"\r\r\n.\r\r\n"])
def test_only_crlf_dot_crlf_ends_data(demo, end):
    with Wire(demo.ports["relay"]) as wire:
        to_data(wire)
        wire.say(b"From: app@example.jp\r\nSubject: outer\r\n\r\nbody" + end + SMUGGLED)
        reply = wire.reply()
        assert reply[0] == "5", f"a bare CR, LF or NUL is refused: {reply}"
    time.sleep(0.2)
    assert not any("smuggled" in text_of(m) for m in demo.sink.messages("inside", "taro@example.jp"))


def test_a_bare_line_feed_in_a_command_is_refused(demo):
    with Wire(demo.ports["relay"]) as wire:
        wire.say(b"EHLO x\nMAIL FROM:<app@example.jp>\r\n")
        assert wire.reply()[0] == "5"


def test_what_follows_starttls_in_the_clear_is_discarded(demo):
    with Wire(demo.ports["submission"]) as wire:
        wire.ask("EHLO client")
        wire.say(b"STARTTLS\r\nEHLO injected\r\nNOOP\r\n")
        reply = wire.reply()
        if reply.startswith("220"):
            assert wire.silent(), "nothing of what was injected is answered"
            try:
                wire.start_tls()
            except OSError:
                return
            assert wire.silent()
            assert wire.ask("MAIL FROM:<hanako@example.jp>")[0] == "5", "a fresh EHLO is needed"
        else:
            assert reply[0] == "5" or reply == ""


def test_state_before_starttls_is_forgotten(demo):
    with Wire(demo.ports["submission"]) as wire:
        wire.ask("EHLO client")
        assert wire.ask("STARTTLS").startswith("220")
        wire.start_tls()
        assert wire.ask("AUTH PLAIN " + base64.b64encode(f"\0hanako@example.jp\0{PASSWORD}".encode()).decode())[0] == "5"
        assert wire.ask("EHLO client")[0] == "2"


def test_auth_and_mail_need_tls_on_submission(demo):
    with Wire(demo.ports["submission"]) as wire:
        wire.ask("EHLO client")
        assert wire.ask("AUTH PLAIN AGEAYg==").startswith("5")
        assert wire.ask("MAIL FROM:<hanako@example.jp>").startswith("530")


def test_mail_needs_a_login(demo):
    with session(demo, login=None) as client:
        assert client.mail("hanako@example.jp")[0] == 530


@pytest.mark.parametrize("header", ["From: Taro <taro@example.jp>", "From: hanako@example.jp, taro@example.jp",
                                    "From: hanako@example.jp\r\nSender: taro@example.jp"])
def test_a_login_owns_every_from_and_sender(demo, header):
    raw = compose("jiro@example.jp").replace(b"From: hanako@example.jp", header.encode(), 1)
    with session(demo) as client:
        client.mail("hanako@example.jp")
        client.rcpt("jiro@example.jp")
        code, reply = client.data(raw)
    assert code == 550 and b"5.7.1" in reply


def test_a_relay_takes_only_its_senders_and_hosts(start):
    server = start()
    with Wire(server.ports["relay"]) as wire:
        wire.ask("EHLO client")
        assert wire.ask("MAIL FROM:<someone@evil.example>")[0] == "5"
    stranger = socket.create_connection(("127.0.0.1", server.ports["relay"]), source_address=("127.0.0.2", 0), timeout=10)
    with stranger:
        stranger.settimeout(10)
        stranger.sendall(b"EHLO x\r\nMAIL FROM:<app@example.jp>\r\n")
        received = b""
        while b"\r\n5" not in b"\r\n" + received:
            more = stranger.recv(4096)
            if not more:
                break
            received += more
    assert b"\r\n5" in b"\r\n" + received


def test_recipients_are_limited(demo):
    with Wire(demo.ports["relay"]) as wire:
        wire.ask("EHLO client")
        wire.ask("MAIL FROM:<app@example.jp>")
        for n in range(500):
            assert wire.ask(f"RCPT TO:<r{n}@shop.example>").startswith("250")
        assert wire.ask("RCPT TO:<one-more@shop.example>").startswith("452")


def test_too_many_errors_end_the_session(demo):
    with Wire(demo.ports["relay"]) as wire:
        wire.ask("EHLO client")
        replies = [wire.ask("FOO") for _ in range(25)]
    assert any(r.startswith("421") for r in replies) and replies[-1] == ""


def test_a_line_over_the_limit_is_refused(demo):
    with Wire(demo.ports["relay"]) as wire:
        wire.ask("EHLO client")
        assert wire.ask("NOOP " + "x" * 5000)[0] in "5"


def test_guessing_passwords_is_slowed(start):
    server = start({"intake": {"limits": {"login_failures_per_minute": 3}}})
    replies = []
    for _ in range(8):
        with session(server, login=None) as client:
            code, _ = client.docmd("AUTH", "PLAIN " + base64.b64encode(b"\0hanako@example.jp\0wrong").decode())
            replies.append(code)
    assert replies[0] == 535 and replies[-1] in (421, 454), replies


def test_connections_per_address_are_limited(start):
    server = start({"intake": {"limits": {"connections_per_address": 5}}})
    open_ones = [Wire(server.ports["relay"]).__enter__() for _ in range(5)]
    with Wire(server.ports["relay"]) as sixth:
        assert sixth.greeting.startswith("421") or sixth.greeting == ""
    for wire in open_ones:
        wire.__exit__()


def test_a_slow_client_is_sent_away(start):
    server = start({"intake": {"limits": {"min_bytes_per_second": 500, "command_timeout": "2s", "idle": "2s"}}})
    with Wire(server.ports["relay"], timeout=20) as wire:
        to_data(wire)
        ended = time.monotonic() + 20
        while time.monotonic() < ended:
            try:
                wire.say(b"x")
            except OSError:
                return
            if not wire.silent(0.2):
                assert wire.reply()[:3] in ("421", "")
                return
    raise AssertionError("a client of 5 octets a second is still served after 20 s")


def test_a_mail_that_loops_is_refused(demo):
    looped = b"Received: from a by b; Mon, 2 Nov 2026 10:00:00 +0900\r\n" * 51 + compose("jiro@example.jp", sender="app@example.jp")
    with session(demo, relay=True) as client:
        client.mail("app@example.jp")
        client.rcpt("jiro@example.jp")
        code, reply = client.data(looped)
    assert code == 554 and b"5.4.6" in reply


def test_demo_logins_are_refused_beyond_loopback(tmp_path):
    server = Sekisho(tmp_path / "sekisho")
    listener = server.config["intake"]["listeners"][0]
    listener["address"] = f"0.0.0.0:{server.ports['submission']}"
    server.write_config()
    done = subprocess.run([BIN / "sekisho-standalone", "--config", server.config_file, "--check-config"], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode != 0 and "allow_demo_logins" in done.stderr


def test_a_bcc_header_does_not_leave(demo):
    raw = compose("jiro@example.jp", subject="写しを隠す").replace(b"To: ", b"Bcc: taro@example.jp\r\nTo: ", 1)
    mail_id = send(demo, raw, ["jiro@example.jp", "taro@example.jp"])
    Cli(demo, "hanako@example.jp").wait_state(mail_id, "delivered")
    for recipient in ("jiro@example.jp", "taro@example.jp"):
        arrived = demo.sink.wait("inside", recipient, lambda m: str(m["subject"]) == "写しを隠す")
        assert arrived["bcc"] is None
