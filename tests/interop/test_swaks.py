"""swaks as a client: each way in."""
import subprocess

import pytest

from harness.cli import Cli
from harness.sekisho import PASSWORD
from harness.smtp import MAIL_ID


def swaks(server, *arguments):
    """Runs swaks from hanako to jiro; returns (exit status, transcript)."""
    done = subprocess.run(["swaks", "--server", "localhost", "--from", "hanako@example.jp", "--to", "jiro@example.jp",
                           "--header", "Subject: swaks", "--tls-ca-path", server.folder / "keys/demo-ca.pem",
                           "--timeout", "20", *arguments],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def login(mechanism="PLAIN"):
    return ["--auth", mechanism, "--auth-user", "hanako@example.jp", "--auth-password", PASSWORD]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_starttls_and_auth(demo, hanako, mechanism):
    status, transcript = swaks(demo, "--port", str(demo.ports["submission"]), "--tls", "--tls-verify", *login(mechanism))
    assert status == 0, transcript
    hanako.wait_state(MAIL_ID.findall(transcript)[-1], "delivered")


def test_implicit_tls(demo, hanako):
    status, transcript = swaks(demo, "--port", str(demo.ports["submissions"]), "--tls-on-connect", "--tls-verify", *login())
    assert status == 0, transcript
    hanako.wait_state(MAIL_ID.findall(transcript)[-1], "delivered")


def test_pipelining(demo, hanako):
    status, transcript = swaks(demo, "--port", str(demo.ports["submission"]), "--tls", "--pipeline", *login())
    assert status == 0, transcript
    hanako.wait_state(MAIL_ID.findall(transcript)[-1], "delivered")


def test_the_relay_takes_mail_without_tls(demo):
    status, transcript = swaks(demo, "--port", str(demo.ports["relay"]))
    assert status == 0, transcript
    Cli(demo, "admin@example.jp").wait_state(MAIL_ID.findall(transcript)[-1], "delivered")


def test_auth_is_not_offered_without_tls(demo):
    status, transcript = swaks(demo, "--port", str(demo.ports["submission"]), *login())
    assert status == 28, transcript
    assert "AUTH" not in transcript.replace("*** Host did not advertise authentication", "").replace("--auth", "")


def test_a_wrong_password_is_refused(demo):
    status, transcript = swaks(demo, "--port", str(demo.ports["submission"]), "--tls", "--auth", "PLAIN",
                               "--auth-user", "hanako@example.jp", "--auth-password", "wrong")
    assert status == 28, transcript
    assert "535 5.7.8" in transcript


def test_a_sender_that_is_not_the_logins_is_refused(demo):
    status, transcript = swaks(demo, "--port", str(demo.ports["submission"]), "--tls", *login(), "--from", "jiro@example.jp")
    assert status != 0, transcript
    assert "5.7.1" in transcript
