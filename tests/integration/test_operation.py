"""How the process behaves: configuration, start and stop, health, disk, what it keeps and what it says."""
import contextlib
import json
import signal
import smtplib
import sqlite3
import subprocess
import time
import uuid

import pytest

from harness.cli import Cli, CliError
from harness.sekisho import BIN, Sekisho
from harness.smtp import MAIL_ID, compose, send, session
from harness.waiting import until


def check_config(server):
    return subprocess.run([BIN / "sekisho-standalone", "--config", server.config_file, "--check-config"], cwd=server.folder,
                          capture_output=True, text=True, timeout=20)


@pytest.fixture
def laid_out(tmp_path):
    return Sekisho(tmp_path / "sekisho")


def test_the_demos_configuration_is_valid(laid_out):
    assert check_config(laid_out).returncode == 0


@pytest.mark.parametrize("wrong, place", [
    ("organisation:\n  id: x\n", "1:1"),
    ("organization:\n  id: example\n  domains: example.jp\n", "3:"),
    ("organization:\n  id: example\n  domains: [example.jp]\nstorage:\n  folder: x\n  small_content: lots\n", "6:"),
    ("organization: [\n", ""),
])
def test_a_wrong_configuration_is_refused_with_its_place(laid_out, wrong, place):
    laid_out.config_file.write_text(wrong)
    done = check_config(laid_out)
    assert done.returncode != 0
    assert f"{laid_out.config_file.name}:{place}" in done.stderr


def test_it_starts_within_a_second(laid_out):
    began = time.monotonic()
    with laid_out:
        assert time.monotonic() - began < 1.5, "1 s, and some for a busy machine"


def test_two_processes_do_not_share_a_folder(start, tmp_path):
    first = start()
    second = Sekisho(tmp_path / "second", {"storage": {"folder": first.config["storage"]["folder"]}})
    done = subprocess.run([BIN / "sekisho-standalone", "--config", second.config_file], cwd=second.folder, capture_output=True,
                          text=True, timeout=20)
    assert done.returncode != 0 and done.stderr.strip()


def test_a_parked_record_is_shown_and_redriven(start):
    server = start()
    server.stop()
    event, mail = uuid.uuid4(), uuid.uuid4()
    with contextlib.closing(sqlite3.connect(f"{server.folder}/data/sekisho.db")) as database, database:
        # A record that intake did not sign: its header has only an id and the name of the stage.
        header = b"\x0a\x10" + event.bytes + b"\x1a\x06intake"
        database.execute("INSERT INTO bus_submitted (seq, at, mail, header, value) VALUES (1, 0, ?, ?, ?)",
                         (mail.bytes, header, b"sealed by nobody"))
    server.start()
    admin = Cli(server, "admin@example.jp")
    first = until(lambda: admin.ask("dlq", "list"), "it is parked")[0]
    shown = admin.ask("dlq", "show", first["event_id"])
    assert first.items() <= shown.items()
    assert (shown["stage"], shown["topic"], shown["source"]) == ("policy", "submitted", "intake")
    assert shown["mail_id"] == str(mail) and shown["attempts"] == 1 and shown["cause"].startswith("corrupt: ")
    said = admin.run("dlq", "show", first["event_id"]).stdout
    assert shown["cause"] in said and "sealed by nobody" not in said
    again = admin.ask("dlq", "redrive", first["event_id"])["new_event_id"]
    until(lambda: [r["event_id"] for r in admin.ask("dlq", "list")] == [again], "it is parked again")
    assert admin.ask("dlq", "show", again)["redriven_from"] == first["event_id"]
    with pytest.raises(CliError):
        admin.ask("dlq", "show", first["event_id"])


def test_a_stop_drains_and_a_start_goes_on(start):
    server = start(hold="4s")
    mail_id = send(server, compose("someone@shop.example"), ["someone@shop.example"])
    server.stop()
    server.start()
    Cli(server, "hanako@example.jp").wait_state(mail_id, "delivered")


def test_a_stop_lets_a_session_finish_its_mail(start):
    server = start()
    taken = None
    with contextlib.suppress(smtplib.SMTPResponseException), session(server) as client:  # its QUIT is answered by 421
        client.mail("hanako@example.jp")
        client.rcpt("jiro@example.jp")
        server.process.send_signal(signal.SIGTERM)
        taken = client.data(compose("jiro@example.jp"))
    assert taken is not None and taken[0] == 250, taken
    assert MAIL_ID.search(taken[1].decode())
    assert server.process.wait(40) == 0
    server.process = None


def test_the_folder_keeps_its_key_ring_private(start):
    server = start()
    ring = server.folder / "keyring"
    assert ring.stat().st_mode & 0o077 == 0


def test_nothing_readable_at_rest(start):
    server = start()
    word = uuid.uuid4().hex
    server.canaries |= {word, "hanako@example.jp", "someone@shop.example", "一意の件名" + word}
    raw = compose(["someone@shop.example", "jiro@example.jp"], subject="一意の件名" + word, text=f"{word}\r\n",
                  attachments=[(f"{word}.txt", "text/plain", word.encode() * 50_000)])
    mail_id = send(server, raw, ["someone@shop.example", "jiro@example.jp"])
    Cli(server, "hanako@example.jp").wait_state_of(mail_id, {"someone@shop.example": "held", "jiro@example.jp": "delivered"})
    server.check_rest()
    server.check_silence()
    server.stop()
    server.check_rest()


def test_a_full_disk_answers_452_and_keeps_nothing(start):
    server = start({"storage": {"min_free": "1000000GiB"}})
    with session(server, relay=True) as client:
        code, reply = client.mail("app@example.jp")
        if code == 250:
            client.rcpt("jiro@example.jp")
            try:
                code, reply = client.data(compose("jiro@example.jp", sender="app@example.jp"))
            except smtplib.SMTPDataError as error:  # refused before the content
                code, reply = error.smtp_code, error.smtp_error
    assert code == 452 and b"4.3.1" in reply
    assert server.sink.messages("inside", "jiro@example.jp") == []


def test_a_policy_is_reloaded_and_a_wrong_one_is_not(start):
    server = start()
    hanako, admin = Cli(server, "hanako@example.jp"), Cli(server, "admin@example.jp")
    good = server.policy_file.read_text(encoding="utf-8")
    server.policy_file.write_text("rules: [{id: BAD ID, when: {}}]\n", encoding="utf-8")
    until(lambda: "refused" in server.log(), "the refusal in the log")
    mail_id = send(server, compose("x@shop.example"), ["x@shop.example"])
    hanako.wait_state(mail_id, "held")
    server.policy_file.write_text(good.replace("hold_for: 3m", "hold_for: 1s"), encoding="utf-8")

    def goes_soon():
        second = send(server, compose("y@shop.example"), ["y@shop.example"])
        try:
            hanako.wait_state(second, "delivered", 4)
        except AssertionError:
            return False
        return True
    until(goes_soon, "the new policy in force", 20)
    assert hanako.states(mail_id) == {"x@shop.example": "held"}, "a decision stands as it was made"
    assert admin.run("policy", "check", server.policy_file).returncode == 0


def test_metrics_tell_what_an_operator_asks(demo, hanako):
    hanako.wait_state(send(demo, compose("jiro@example.jp"), ["jiro@example.jp"]), "delivered")
    status, text = demo.http("/metrics")
    assert status == 200
    for word in ("sekisho_", "# HELP", "# TYPE"):
        assert word in text
    assert demo.http("/livez")[0] == 200


def test_the_log_is_json_lines(demo):
    lines = [line for line in demo.log().splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert {"time", "level", "event"} <= json.loads(line).keys(), line
