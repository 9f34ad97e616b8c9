"""Separate services on Kafka, PostgreSQL and an object store, under load, with bad days in a row: then the books must balance.
SEKISHO_LONG=1: 1,000 bad days instead of 25. SEKISHO_SEED repeats their order. And the reckoning itself is tried: on a server that
was broken on purpose it finds what is wrong."""
import os
import random
import time

import grpc
import pytest

from harness.bad_days import BadDays
from harness.books import KINDS, LARGE, RECALLED, Load, Traces, approve_all, reckon
from harness.distributed import SERVICES, Distributed
from harness.grpc_client import Client
from harness.peers import SmtpSink
from harness.waiting import until

LONG = bool(os.environ.get("SEKISHO_LONG"))
DAYS = int(os.environ.get("SEKISHO_DAYS", 1000 if LONG else 25))
SEED = int(os.environ.get("SEKISHO_SEED") or random.randrange(1_000_000))


@pytest.fixture
def world(back_ends, tmp_path):
    """make(replicas): the server and, outside it, the one next hop for everything."""
    with SmtpSink(tmp_path / "taken") as sink:
        servers = []

        def make(**options):
            server = Distributed(back_ends, tmp_path / "sekisho", hold="1s", **options)
            routes = [{"name": "world", "domains": ["*"], "next_hop": f"127.0.0.1:{sink.port}", "tls": "NONE"}]
            server.config["delivery"].update(routes=routes, first_retry="200ms", max_retry="1s")
            server.write_config()
            servers.append(server.start())
            return server, sink
        yield make
        for server in servers:
            server.kill()


def leftovers(server):
    """What the databases still have that should be gone when all has ended."""
    postgres, database = server.back_ends.postgres, server.tenancy["bus"]["kafka"]["prefix"]
    questions = {f"{service}.{table}": f"SELECT count(*) FROM {service}.{table}"
                 for service in SERVICES for table in ("outbox", "waiting", "parked")}
    questions["recipients in delivery's queue"] = "SELECT count(*) FROM delivery.recipient"
    questions["parcels that wait for a decision"] = "SELECT count(*) FROM approval.parcel WHERE state < 16"
    questions["mails whose content is not closed, or closed twice"] = "SELECT count(*) FROM intake.mail WHERE open <> 0 AND owner <> ''"
    union = " UNION ALL ".join(f"SELECT '{name}', ({sql})".replace("delivery's", "delivery''s") for name, sql in questions.items())
    rows = [row.split("|") for row in postgres.sql(union, database).splitlines()]
    return [f"{name}: {count}" for name, count in rows if count != "0"]


def settle(server, load, seconds):
    """Waits until every mail of the load has ended and nothing is left over, at most so long. What is still open is no error here:
    the reckoning tells it."""
    traces = Traces(load)
    admin = None
    end = time.monotonic() + seconds
    open_mails, left = len(load.acknowledged), ["never asked"]
    while (open_mails or left) and time.monotonic() < end:
        approve_all(server)
        try:
            admin = admin or Client(server, "admin@example.jp")
            open_mails = traces.look(admin)
        except grpc.RpcError:
            admin = None
        left = leftovers(server)
        time.sleep(0.5)
    return traces.all, left


def test_every_acknowledged_mail_ends_once(world, back_ends):
    print(f"seed {SEED}, {DAYS} bad days")
    server, sink = world(replicas={"policy": 2, "approval": 2, "encryption": 2, "delivery": 2, "ledger": 2})
    days = BadDays(server, back_ends, random.Random(SEED))
    began = time.monotonic()
    with Load(server, SEED, kinds=KINDS | LARGE | RECALLED, pause=0.1) as load:
        days.live_through(DAYS, 1.5)
        lived = time.monotonic() - began
        days.recover()
    assert len(load.acknowledged) > DAYS, "there was load"
    traces, left = settle(server, load, 600 if LONG else 180)
    wrong, repeated = reckon(load, sink.mails(), traces)
    print(f"{dict(days.counts)} in {lived:.0f} s, all ended after {time.monotonic() - began:.0f} s; {len(load.acknowledged)} acknowledged, "
          f"{len(load.answers)} tried to be taken back, {repeated} repeated in the window after the dot; "
          f"started again: {dict(days.restarts)}")
    assert not days.crashes, "\n".join(days.crashes)
    assert not wrong and not left, "\n".join([*wrong[:50], *left])
    assert repeated <= DAYS * 10
    server.stop()
