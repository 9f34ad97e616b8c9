"""Separate services on Kafka, PostgreSQL and an object store, under load, with bad days in a row: then the books must balance.
SEKISHO_LONG=1: 1,000 bad days instead of 25. SEKISHO_SEED repeats their order."""
import os
import random
import time

from harness.bad_days import BadDays
from harness.books import KINDS, LARGE, RECALLED, Load, follow, reckon
from harness.distributed import SERVICES, serve

LONG = bool(os.environ.get("SEKISHO_LONG"))
DAYS = int(os.environ.get("SEKISHO_DAYS", 1000 if LONG else 25))
SEED = int(os.environ.get("SEKISHO_SEED") or random.randrange(1_000_000))


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


def test_every_acknowledged_mail_ends_once(back_ends, tmp_path):
    print(f"seed {SEED}, {DAYS} bad days")
    with serve(back_ends, tmp_path, replicas={service: 2 for service in SERVICES}) as server:
        live_through_bad_days(server, back_ends)
        server.stop()


def live_through_bad_days(server, back_ends):
    days = BadDays(server, back_ends, random.Random(SEED))
    began = time.monotonic()
    with Load(server, SEED, kinds=KINDS | LARGE | RECALLED, pause=0.1) as load:
        days.live_through(DAYS, 1.5)
        lived = time.monotonic() - began
        days.recover()
    assert len(load.acknowledged) > DAYS, f"there was load: {len(load.acknowledged)} mails"
    traces = follow(server, load, 600 if LONG else 180)
    wrong, repeated = reckon(load, server.world.mails(), traces)
    left = leftovers(server)
    end = time.monotonic() + 30
    while left and time.monotonic() < end:  # an outcome may still be on its way to intake
        time.sleep(0.5)
        left = leftovers(server)
    print(f"{dict(days.counts)} in {lived:.0f} s, all ended after {time.monotonic() - began:.0f} s; {len(load.acknowledged)} acknowledged, "
          f"{len(load.answers)} tried to be taken back, {repeated} repeated in the window after the dot; "
          f"started again: {dict(days.restarts)}")
    assert not days.crashes, "\n".join(days.crashes)
    assert not wrong and not left, "\n".join([*wrong[:50], *left])
    assert repeated <= DAYS * 10

