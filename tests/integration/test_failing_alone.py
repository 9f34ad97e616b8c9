"""Separate services, one of them or of what they share away: the others go on with what they can, nobody dies of it, memory stays
bounded, and afterwards all catches up. SEKISHO_LONG=1: a minute each instead of seconds."""
import contextlib
import os
import random
import smtplib
import time

import grpc
import pytest

from harness.books import KINDS, Load, follow, reckon
from harness.distributed import SERVICES, serve
from harness.grpc_client import Client, messages
from harness.smtp import compose, send_in, session
from harness.waiting import until

SECONDS = 60 if os.environ.get("SEKISHO_LONG") else 4
MIB = 1024
MAX_BACKLOG = 60
INSIDE = {"inside": KINDS["inside"]}


@pytest.fixture(scope="module")
def server(back_ends, tmp_path_factory):
    with serve(back_ends, tmp_path_factory.mktemp("alone")) as one:
        yield one
        one.stop()


def resident(replica):
    """KiB."""
    with open(f"/proc/{replica.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


@contextlib.contextmanager
def away(server, holder):
    """Without `holder` (a replica, or a back end); the others must be alive all the time, and none may grow."""
    others = [r for r in server.replicas if r is not holder]
    before = {r.name: resident(r) for r in others}
    if holder is server.back_ends.objects:
        holder.pause()
    else:
        holder.kill() if holder in server.replicas else holder.end()
    try:
        yield
        for replica in others:
            assert replica.process.poll() is None, f"{replica.name} died:\n{replica.log()[-2000:]}"
            assert server.http("/livez", replica)[0] == 200, f"{replica.name} is not alive"
            assert resident(replica) < before[replica.name] + 100 * MIB, f"{replica.name} grows"
    finally:
        holder.resume() if holder is server.back_ends.objects else holder.start()
    for replica in server.replicas:
        replica.wait(lambda replica=replica: server.http("/readyz", replica)[0] == 200)


def ready(server, service):
    [replica] = server.of(service)
    return server.http("/readyz", replica)[0] == 200


def check_books(server, *loads):
    for load in loads:
        traces = follow(server, load, 120)
        wrong, repeated = reckon(load, server.world.mails(), traces)
        assert not wrong and not repeated, "\n".join(wrong)


def arrived(server, load):
    """How many of its mails have reached somebody."""
    mails = server.world.mails()
    return sum(any(mail.message_id in raw for raw in mails) for mail in load.acknowledged.values())


def load_for(server, kinds=KINDS, seconds=SECONDS):
    load = Load(server, random.randrange(1_000_000), kinds=kinds, senders=2, pause=0.2)
    with load:
        time.sleep(seconds)
    return load


@pytest.mark.parametrize("service", ["policy", "approval", "encryption", "delivery", "ledger"])
def test_one_service_is_away(server, service):
    [replica] = server.of(service)
    with away(server, replica):
        load = load_for(server)
        for other in SERVICES:
            assert other == service or ready(server, other), f"{other} is ready without {service}"
        assert load.acknowledged, f"mails are accepted without {service}"
        if service in ("approval", "encryption", "ledger"):  # what needs no such stage goes all its way
            alone = load_for(server, INSIDE, 1)
            until(lambda: alone.acknowledged and arrived(server, alone) == len(alone.acknowledged), "mail inside arrives")
        else:
            alone = load_for(server, INSIDE, 1)
            assert arrived(server, alone) == 0
    check_books(server, load, alone)


def test_intake_is_away(server):
    load = load_for(server)
    [intake] = server.of("intake")
    with away(server, intake):
        with pytest.raises(OSError):
            smtplib.SMTP("localhost", server.ports["submission"], timeout=5)
        until(lambda: arrived(server, load) == len(load.acknowledged) or waits_for_taro(server, load),
              "what was accepted goes on", SECONDS + 30)
    check_books(server, load)


def waits_for_taro(server, load):
    """All but what needs an approval has arrived: nobody can log in, and so approve, while intake is away."""
    return arrived(server, load) >= sum(mail.kind != "confidential" for mail in load.acknowledged.values())


def test_the_broker_is_away(server):
    with away(server, server.back_ends.kafka):
        load = load_for(server)
        assert load.acknowledged, "mails are accepted and wait in the outbox"
        assert ready(server, "intake"), "its outbox has room"
        assert arrived(server, load) == 0
    check_books(server, load)


def test_the_broker_is_away_until_intakes_outbox_is_full(server):
    server.config["intake"]["max_backlog"] = MAX_BACKLOG
    server.write_config()
    [intake] = server.of("intake")
    intake.stop()
    intake.start()
    intake.wait(lambda: ready(server, "intake"))
    load = Load(server, 0, INSIDE)
    with away(server, server.back_ends.kafka):
        reply = fill(server, load)
        assert reply.startswith("452 4.3.1"), reply
        assert MAX_BACKLOG / 2 <= len(load.acknowledged) <= 2 * MAX_BACKLOG
    until(lambda: fill(server, load, 1) == "", "mails are accepted again", 30)
    check_books(server, load)


def fill(server, load, most=500):
    """Sends until intake refuses; returns the refusal, or nothing after `most` mails."""
    with session(server) as client:
        for _ in range(most):
            try:
                load.send_one(client, "inside", b"attached")
            except smtplib.SMTPDataError as refusal:
                return f"{refusal.smtp_code} {refusal.smtp_error.decode()}"
            time.sleep(0.02)  # how full it is, is asked twice a second
    return ""


def test_the_database_is_away(server):
    with away(server, server.back_ends.postgres):
        with session(server, relay=True) as client:
            with pytest.raises(AssertionError) as refusal:
                send_in(client, compose(INSIDE["inside"], sender="app@example.jp"), "app@example.jp", INSIDE["inside"])
            assert "4.3." in str(refusal.value), refusal.value
        with pytest.raises(grpc.RpcError) as error, Client(server, "admin@example.jp") as admin:
            admin.call("ledger", "LedgerService", "ListMails", messages("ledger").ListMailsRequest())
        assert error.value.code() == grpc.StatusCode.UNAVAILABLE
        time.sleep(SECONDS)
    check_books(server, load_for(server, seconds=1))


def test_the_object_store_is_away(server):
    with away(server, server.back_ends.objects):
        load = load_for(server, INSIDE)
        until(lambda: load.acknowledged and arrived(server, load) == len(load.acknowledged), "small mail needs no object store")
    check_books(server, load)
