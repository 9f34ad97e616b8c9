"""The reckoning itself: on separate services that are broken on purpose (failpoints) it finds what is wrong; on the same way without
the breakage it finds nothing."""
import random
import time

import grpc
import pytest

from harness.books import KINDS, LARGE, Load, Traces, follow, reckon
from harness.distributed import serve
from harness.grpc_client import Client, messages, stub
from harness.waiting import until


@pytest.fixture(scope="module")
def server(back_ends, tmp_path_factory):
    with serve(back_ends, tmp_path_factory.mktemp("broken")) as one:
        yield one


def start(server, replica, failpoints=""):
    replica.start(failpoints)
    replica.wait(lambda: server.http("/readyz", replica)[0] == 200)


def restart(server, replica, failpoints=""):
    replica.kill()
    start(server, replica, failpoints)


def send_three(server, kind):
    load = Load(server, random.randrange(1_000_000), kinds={kind: (KINDS | LARGE)[kind]}, senders=1, pause=0.05)
    with load:
        until(lambda: len(load.acknowledged) >= 3, "three mails are accepted", 60)
    return load


def complaints(server, load, seconds):
    traces = follow(server, load, seconds)
    return reckon(load, server.world.mails(), traces)[0]


def judge(server, load, broken, sign):
    """Broken, `sign` is in some complaint; else there is none."""
    wrong = complaints(server, load, 5 if broken else 60)
    print("\n".join(wrong))
    assert any(sign in line for line in wrong) if broken else not wrong, wrong


def in_work(admin, replica, topic):
    try:
        listing = stub(admin.channel_to(replica.service), "stage", "StageService").ListQueues(
            messages("stage").ListQueuesRequest(), metadata=admin.metadata, timeout=10)
    except grpc.RpcError:  # it has just been started
        return 0
    [queue] = [q for q in listing.queues if q.stage == replica.service and q.topic == topic]
    return queue.in_flight


def all_have(server, admin, load, event):
    traces = Traces(load)
    traces.look(admin)
    return all(any(e.type == event for e in trace.events) for trace in traces.all.values())


@pytest.mark.parametrize("failpoint", ["", "stage.offset_early=error"])
def test_an_offset_committed_before_its_effect(server, back_ends, failpoint):
    [policy] = server.of("policy")
    policy.kill()
    load = send_three(server, "large")
    back_ends.objects.pause()  # policy gets the records and cannot read the mails
    try:
        policy.start(failpoint)
        with Client(server, "admin@example.jp") as admin:
            until(lambda: in_work(admin, policy, "submitted") >= len(load.acknowledged), "policy has the records", 60)
        time.sleep(1)  # a member commits ten times a second
    finally:
        policy.kill()
        back_ends.objects.resume()
    start(server, policy)
    judge(server, load, failpoint, "is accepted, not delivered")


@pytest.mark.parametrize("failpoint", ["", "bus.outbox_skipped=error"])
def test_an_outbox_that_is_skipped(server, failpoint):
    [policy] = server.of("policy")
    restart(server, policy, failpoint)
    load = send_three(server, "partner")
    with Client(server, "admin@example.jp") as admin:
        until(lambda: all_have(server, admin, load, "judged"), "policy has judged", 60)
    restart(server, policy)
    judge(server, load, failpoint, "not delivered")


@pytest.mark.parametrize("failpoint", ["", "stage.inbox_off=error"])
def test_an_inbox_that_is_off(server, failpoint):
    [policy], [intake] = server.of("policy"), server.of("intake")
    restart(server, policy, failpoint)
    restart(server, intake, "bus.published=error")  # publishes its records again and again
    load = send_three(server, "inside")
    time.sleep(2)
    restart(server, intake)
    complaints(server, load, 60)
    time.sleep(2)  # for what comes too often
    judge(server, load, failpoint, "times, and the trace does not say")
    restart(server, policy)
