"""Postfix as next hop, Dovecot behind it, and the mail fetched by IMAP: what a recipient's client gets."""
import imaplib
import subprocess

import pytest

from harness.authority import Authority
from harness.cli import Cli
from harness.peers import PostfixAndDovecot
from harness.smtp import compose, demo_mail, send
from harness.waiting import until


@pytest.fixture
def partner(tmp_path):
    certificate, key = Authority(tmp_path / "ca").server("mx.partner.example")
    with PostfixAndDovecot(tmp_path / "partner", "partner.example", ["sato", "tanaka"], certificate, key) as host:
        yield host


@pytest.fixture
def server(start, partner):
    route = {"name": "partner", "domains": ["partner.example"], "next_hop": f"127.0.0.1:{partner.port}", "tls": "OPPORTUNISTIC"}
    return start({"delivery": {"routes": [route]}})


def fetch(partner, user):
    """The one mail in the user's INBOX, as its client gets it."""
    with imaplib.IMAP4("127.0.0.1", partner.imap_port) as client:
        client.login(f"{user}@partner.example", "imap-password")

        def arrived():
            client.select("INBOX")
            return client.search(None, "ALL")[1][0]
        until(arrived, f"a mail for {user}")
        return client.fetch("1", "(RFC822)")[1][0][1]


def test_a_sealed_mail_is_fetched_and_opened(server, partner, tmp_path):
    mail_id = send(server, demo_mail("partner"), ["sato@partner.example"])
    Cli(server, "hanako@example.jp").wait_state(mail_id, "delivered")
    raw = fetch(partner, "sato")
    assert b"using TLSv1.3" in raw, "Postfix offers STARTTLS and we use it"
    (tmp_path / "sealed.eml").write_bytes(raw)
    decrypted = subprocess.run(["openssl", "cms", "-decrypt", "-in", tmp_path / "sealed.eml", "-recip", server.folder / "keys/partner.pem",
                                "-inkey", server.folder / "keys/partner.key"], check=True, capture_output=True).stdout
    verified = subprocess.run(["openssl", "cms", "-verify", "-CAfile", server.folder / "keys/demo-ca.pem"], input=decrypted,
                              capture_output=True)
    assert verified.returncode == 0, verified.stderr


def test_an_unknown_recipient_bounces(server, partner):
    before = server.log().count("policy.in_force")
    server.policy_file.write_text("name: pass\nrules: [{id: pass-all, then: {pass: true}}]\n", encoding="utf-8")
    until(lambda: server.log().count("policy.in_force") > before, "the new policy in force")
    mail_id = send(server, compose("nobody@partner.example"), ["nobody@partner.example"])
    cli = Cli(server, "hanako@example.jp")
    until(lambda: "550" in str(cli.trace(mail_id)["events"]), "Postfix's refusal in the trace")
    cli.wait_state(mail_id, "bounced")
