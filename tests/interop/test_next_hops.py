"""aiosmtpd and smtp-sink as next hops: what delivery does with each answer."""
import subprocess

import pytest

from harness.authority import Authority
from harness.cli import Cli
from harness.peers import AioPeer, SmtpSink
from harness.smtp import compose, send, send_in, session
from harness.waiting import until

TO = "someone@shop.example"


@pytest.fixture
def run(start):
    """run(port): a server whose outside is at that port, which holds and retries for a second, with hanako's command line."""
    def run_one(port, tls="NONE", **delivery):
        route = {"name": "peer", "domains": ["shop.example", "partner-b.example"], "next_hop": f"127.0.0.1:{port}", "tls": tls}
        changes = {"delivery": {"routes": [route], "first_retry": "1s", "max_retry": "1s", **delivery}}
        server = start(changes, hold="1s")
        return server, Cli(server, "hanako@example.jp")
    return run_one


def dsn(server):
    """The delivery status notification that hanako got."""
    def is_dsn(message):
        return message.get_content_type() == "multipart/report"
    return server.sink.wait("inside", "hanako@example.jp", is_dsn)


def status_of(report):
    [status] = [p for p in report.walk() if p.get_content_type() == "message/delivery-status"]
    return status.as_string()


def test_content_and_envelope_arrive(run):
    with AioPeer() as peer:
        server, cli = run(peer.port)
        raw = compose(TO, subject="届く")
        cli.wait_state(send(server, raw, [TO]), "delivered")
        [got] = peer.wait()
    assert got.mail_from == "hanako@example.jp" and got.recipients == [TO]
    assert got.content.endswith(raw)
    head = got.content[:-len(raw)]
    assert b"Received: " in head and b"DKIM-Signature: " in head
    assert b"hanako" not in head.split(b"DKIM-Signature")[0], "a trace header does not name the login"


def test_a_recipient_refused_for_now_is_tried_again(run):
    with AioPeer(on_rcpt=lambda _, attempt: "451 4.3.0 later" if attempt == 1 else None) as peer:
        server, cli = run(peer.port)
        mail_id = send(server, compose(TO), [TO])
        trace = cli.wait_state(mail_id, "delivered", 30)
        assert "deferred" in [e["type"] for e in trace["events"]]
        assert len(peer.received) == 1


def test_data_refused_for_now_is_tried_again(run):
    with AioPeer(on_data=lambda _, attempt: "452 4.2.2 full" if attempt == 1 else None) as peer:
        server, cli = run(peer.port)
        cli.wait_state(send(server, compose(TO), [TO]), "delivered", 30)
        assert len(peer.received) == 1


def test_a_recipient_refused_for_good_bounces_and_the_others_go(run):
    with AioPeer(on_rcpt=lambda to, _: "550 5.1.1 no such user" if to.startswith("nobody") else None) as peer:
        server, cli = run(peer.port)
        bad = "nobody@shop.example"
        mail_id = send(server, compose([TO, bad]), [TO, bad])
        cli.wait_state_of(mail_id, {TO: "delivered", bad: "bounced"})
        report = dsn(server)
    status = status_of(report)
    assert "Action: failed" in status and "Status: 5.1.1" in status and bad in status and TO not in status
    assert report["return-path"] in (None, "<>") and report["auto-submitted"].startswith("auto-")
    assert report.get_param("report-type") == "delivery-status"


def test_data_refused_for_good_bounces(run):
    with AioPeer(on_data=lambda *_: "554 5.7.1 spam") as peer:
        server, cli = run(peer.port)
        cli.wait_state(send(server, compose(TO), [TO]), "bounced")
        assert "Status: 5.7.1" in status_of(dsn(server))


def test_a_peer_that_is_down_defers_until_it_is_given_up(run):
    server, cli = run(1, give_up_after="3s")
    mail_id = send(server, compose(TO), [TO])
    cli.wait_state(mail_id, "deferred")
    trace = cli.wait_state(mail_id, "bounced", 30)
    assert trace["events"]
    assert "Action: failed" in status_of(dsn(server))


def test_dsn_parameters_reach_a_peer_that_offers_them_not(run):
    with AioPeer() as peer:
        server, cli = run(peer.port)
        with session(server) as client:
            mail_id = send_in(client, compose(TO), "hanako@example.jp", [TO], ["RET=HDRS", "ENVID=abc"], ["NOTIFY=SUCCESS,FAILURE"])
        cli.wait_state(mail_id, "delivered")
        [got] = peer.wait()
        assert not any("NOTIFY" in o for o in got.rcpt_options[0]), "aiosmtpd offers no DSN"
        status = status_of(dsn(server))
        assert "Action: relayed" in status and "Original-Envelope-Id: abc" in status


def test_notify_never_gets_no_report(run):
    with AioPeer(on_rcpt=lambda *_: "550 5.1.1 no") as peer:
        server, cli = run(peer.port)
        with session(server) as client:
            mail_id = send_in(client, compose(TO), "hanako@example.jp", [TO], [], ["NOTIFY=NEVER"])
        cli.wait_state(mail_id, "bounced")
        marker = send(server, compose("hanako@example.jp", subject="marker"), ["hanako@example.jp"])
        cli.wait_state(marker, "delivered")
        assert all(m.get_content_type() != "multipart/report" for m in server.sink.messages("inside", "hanako@example.jp"))


def test_starttls_is_used_when_offered(run, tmp_path):
    with AioPeer(tls=Authority(tmp_path / "ca").server("mx.shop.example")) as peer:
        server, cli = run(peer.port, tls="OPPORTUNISTIC")
        cli.wait_state(send(server, compose(TO), [TO]), "delivered")
        assert peer.received[0].tls


def test_required_tls_needs_a_certificate_that_is_trusted(run, tmp_path):
    trusted, stranger = Authority(tmp_path / "ca"), Authority(tmp_path / "other")
    with AioPeer(tls=stranger.server("127.0.0.1")) as peer:
        server, cli = run(peer.port, tls="REQUIRED", tls_trust_file=str(trusted.file))
        mail_id = send(server, compose(TO), [TO])
        cli.wait_state(mail_id, "deferred")
        assert peer.received == []
    with AioPeer(tls=trusted.server("127.0.0.1")) as peer:
        server, cli = run(peer.port, tls="REQUIRED", tls_trust_file=str(trusted.file))
        cli.wait_state(send(server, compose(TO), [TO]), "delivered")
        assert peer.received[0].tls


def test_required_tls_never_falls_back(run):
    with AioPeer() as peer:
        server, cli = run(peer.port, tls="REQUIRED")
        cli.wait_state(send(server, compose(TO), [TO]), "deferred")
        assert peer.received == []


def test_smtp_source_to_smtp_sink(run, tmp_path):
    with SmtpSink(tmp_path / "taken") as peer:
        server, _ = run(peer.port)
        subprocess.run(["smtp-source", "-d", "-s", "20", "-m", "200", "-l", "4096", "-f", "app@example.jp", "-t", "b@partner-b.example",
                        f"127.0.0.1:{server.ports['relay']}"], check=True)
        until(lambda: len(peer.mails()) == 200, "200 mails at smtp-sink", 60)
