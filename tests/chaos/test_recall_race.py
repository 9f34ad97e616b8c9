"""Recall against the end of a hold, its release and delivery, each in a process of its own: what was answered "recalled" never goes
out, "too late" has gone or goes, and every recipient ends once. SEKISHO_LONG=1: 10,000 races instead of 300."""
import collections
import os
import random
import threading
import time

import grpc

from harness.books import Load, follow, recall, reckon
from harness.distributed import serve
from harness.grpc_client import Client, messages

RACES = 10_000 if os.environ.get("SEKISHO_LONG") else 300
SEED = int(os.environ.get("SEKISHO_SEED") or random.randrange(1_000_000))
RECIPIENTS = {"recalled": ["someone@shop.example", "jiro@example.jp"]}  # one waits a second, one goes at once
RACERS = 4


class Racers:
    """Take the mails of a load back around the moment when their hold ends, and let some go by hand at the same time."""

    def __init__(self, server, load, seed):
        self.server, self.load, self.seed = server, load, seed
        self.due = collections.deque()  # (when, mail id)
        self.released = 0
        self.threads = [threading.Thread(target=self._recall) for _ in range(RACERS)] + [threading.Thread(target=self._release)]
        self.stopped = threading.Event()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _recall(self):
        with Client(self.server) as hanako:
            while not (self.stopped.is_set() and not self.due):
                try:
                    when, mail_id = self.due.popleft()
                except IndexError:
                    time.sleep(0.01)
                    continue
                time.sleep(max(0, when - time.monotonic()))
                self.load.answers[mail_id] = recall(hanako, mail_id)

    def _release(self):
        rng, approval = random.Random(self.seed), messages("approval")
        with Client(self.server) as hanako:
            while not self.stopped.is_set():
                for hold in hanako.call("approval", "ApprovalService", "ListHolds", approval.ListHoldsRequest()).holds:
                    if rng.random() < 0.2:
                        try:
                            hanako.call("approval", "ApprovalService", "ReleaseHold",
                                        approval.ReleaseHoldRequest(parcel_id=hold.parcel_id))
                            self.released += 1
                        except grpc.RpcError as error:  # it was decided a moment ago
                            assert error.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND), error
                time.sleep(0.1)


class Racing(Load):
    """Each mail is given to the racers, to be taken back around the end of its second."""

    def __init__(self, server, seed):
        super().__init__(server, seed, kinds=RECIPIENTS, senders=2)
        self.racers = Racers(server, self, seed)

    def take_back(self, mail_id, rng):
        self.racers.due.append((time.monotonic() + rng.uniform(0.6, 1.6), mail_id))


def test_what_was_answered_recalled_never_goes_out(back_ends, tmp_path):
    print(f"seed {SEED}, {RACES} races")
    with serve(back_ends, tmp_path, replicas={"approval": 2, "delivery": 2}) as server:
        load = Racing(server, SEED)
        with load.racers, load:
            while len(load.acknowledged) < RACES:
                time.sleep(0.1)
        traces = follow(server, load, 600 if RACES > 300 else 120)
        wrong, repeated = reckon(load, server.world.mails(), traces)
        answers = collections.Counter(answer for each in load.answers.values() for answer in each.values())
        print(f"{len(load.acknowledged)} mails, {load.racers.released} released by hand, answers: {dict(answers)}")
        assert not wrong, "\n".join(wrong[:50])
        assert repeated == 0 and set(load.answers) == set(load.acknowledged)
        assert answers["recalled"] > 0 and answers["too_late"] > 0, "neither always wins"
        server.stop()
