"""The shipped binary, killed at random moments under load. What it said 250 to must end in exactly one terminal state for each
recipient, and each effect must happen once. SEKISHO_LONG=1: 1,000 kills instead of 30. SEKISHO_SEED repeats a run."""
import os
import random
import time

import pytest

from harness.books import Load, Traces, approve_all, reckon
from harness.grpc_client import Client
from harness.peers import SmtpSink
from harness.sekisho import Sekisho
from harness.waiting import until

KILLS = 1000 if os.environ.get("SEKISHO_LONG") else 30
SEED = int(os.environ.get("SEKISHO_SEED", "4"))
SENDERS = 3


@pytest.fixture
def world(tmp_path):
    """The server and, outside it, the one next hop for everything."""
    with SmtpSink(tmp_path / "taken") as sink:
        routes = [{"name": "world", "domains": ["*"], "next_hop": f"127.0.0.1:{sink.port}", "tls": "NONE"}]
        server = Sekisho(tmp_path / "sekisho", hold="1s")
        server.config["delivery"].update(routes=routes, first_retry="200ms", max_retry="1s")
        server.write_config()
        server.start()
        yield server, sink
        if server.process:
            server.stop()


def test_every_acknowledged_mail_ends_once(world):
    server, sink = world
    rng = random.Random(SEED)
    print(f"seed {SEED}, {KILLS} kills")
    with Load(server, SEED, senders=SENDERS) as load:
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.05, 1.2))
            server.kill()
            server.start()
        time.sleep(1)
    assert len(load.acknowledged) > KILLS, "there was load"

    traces = Traces(load)
    with Client(server, "admin@example.jp") as admin:
        def unfinished():
            approve_all(server)
            return traces.look(admin)
        until(lambda: not unfinished(), "every recipient is in a terminal state", 120, interval=1)
    wrong, repeated = reckon(load, sink.mails(), traces.all)
    print(f"{len(load.acknowledged)} acknowledged, {repeated} repeated in the window after the dot")
    assert not wrong, "\n".join(wrong)
    assert repeated <= KILLS * SENDERS
    server.check_silence()
