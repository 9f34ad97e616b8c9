"""Next hops that are mute, slow, close at the wrong moment or answer nonsense: deferred and tried again, nothing lost."""
import time

import pytest

from harness.cli import Cli
from harness.peers import RawPeer
from harness.smtp import compose, send
from harness.waiting import until

TO = "someone@shop.example"


def mute(talk):
    talk.wait_for_close()


def slow_greeting(talk):
    for octet in "220 raw.exam":
        talk.connection.sendall(octet.encode())
        time.sleep(0.5)
    talk.wait_for_close()


def closes_at_once(talk):
    return


def closes_in_data(talk):
    talk.until_data()
    talk.lines.read(200)


def mute_after_data(talk):
    talk.until_data()
    talk.wait_for_close()


def says_421(talk):
    talk.say("421 4.3.2 going down")


def says_nonsense(talk):
    talk.say("hello there")
    talk.wait_for_close()


def endless_reply(talk):
    for _ in range(200_000):
        talk.say("220-still greeting")


def greets_with_554(talk):
    talk.say("554 5.3.2 no mail here")
    talk.wait_for_close()


@pytest.fixture
def run(start):
    def run_one(port):
        route = {"name": "peer", "domains": ["shop.example"], "next_hop": f"127.0.0.1:{port}", "tls": "NONE"}
        server = start({"delivery": {"routes": [route], "first_retry": "1s", "max_retry": "1s", "connect_timeout": "2s",
                                     "reply_timeout": "2s"}}, hold="1s")
        return server, Cli(server, "hanako@example.jp")
    return run_one


@pytest.mark.parametrize("fault", [mute, slow_greeting, closes_at_once, closes_in_data, mute_after_data, says_421, says_nonsense,
                                   endless_reply, greets_with_554])
def test_it_is_tried_again_and_arrives_once(run, fault):
    with RawPeer(lambda talk, attempt: fault(talk) if attempt == 1 else talk.accept()) as peer:
        server, cli = run(peer.port)
        mail_id = send(server, compose(TO, subject="一度だけ"), [TO])
        trace = cli.wait_state(mail_id, "delivered", 40)
        # A peer that goes silent within the content may have got it whole: the trace says so, and it is tried again all the same.
        assert {"deferred", "possibly_duplicate"} & {e["type"] for e in trace["events"]}
        assert len(peer.taken) == 1


def test_a_peer_that_closes_after_the_dot_may_get_it_twice_and_the_trace_says_so(run):
    def behave(talk, attempt):
        if attempt == 1:
            talk.until_data()
            talk.take()
        else:
            talk.accept()
    with RawPeer(behave) as peer:
        server, cli = run(peer.port)
        trace = cli.wait_state(send(server, compose(TO), [TO]), "delivered", 40)
        # A peer that goes silent within the content may have got it whole: the trace says so, and it is tried again all the same.
        assert {"deferred", "possibly_duplicate"} & {e["type"] for e in trace["events"]}
        assert len(peer.taken) == 2
        first, second = ([l for l in mail.split(b"\r\n") if l.startswith(b"Message-ID:")] for mail in peer.taken)
        assert first == second


def test_a_dead_destination_does_not_hold_up_another(run):
    with RawPeer(lambda talk, attempt: mute(talk)) as peer:
        server, cli = run(peer.port)
        stuck = [send(server, compose(TO), [TO]) for _ in range(30)]
        quick = send(server, compose("jiro@example.jp"), ["jiro@example.jp"])
        began = time.monotonic()
        cli.wait_state(quick, "delivered")
        assert time.monotonic() - began < 5
        until(lambda: set(cli.states(stuck[0]).values()) <= {"deferred", "delivering"}, "the others wait")


def test_what_we_send_has_only_crlf_and_its_dots_stuffed(run):
    with RawPeer(lambda talk, attempt: talk.accept()) as peer:
        server, cli = run(peer.port)
        raw = compose(TO).split(b"\r\n\r\n")[0].replace(b"base64", b"7bit") + b"\r\n\r\n.\r\n..\r\n.x\r\nend\r\n"
        cli.wait_state(send(server, raw, [TO]), "delivered")
    [mail] = peer.taken
    assert b"\r\n\r\n..\r\n...\r\n..x\r\nend\r\n.\r\n" in mail
    assert b"\n" not in mail.replace(b"\r\n", b"") and b"\r" not in mail.replace(b"\r\n", b"")
