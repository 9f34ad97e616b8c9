"""The shipped binary, its power cut. One run under load is recorded; then, for hundreds of moments of it, the storage folder is made
what a cut at that moment may have left (only what was synced, or that and some of the rest), the binary is started on it, and every
mail it had said 250 to before must end in exactly one terminal state for each recipient, each effect once.
SEKISHO_LONG=1: 1,000 cuts. SEKISHO_SEED repeats the choice of the cuts."""
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import queue
import random
import re
import shutil
import subprocess
import tempfile
import textwrap
import threading
import time

import grpc
import pytest

from harness.cli import TERMINAL
from harness.grpc_client import Client, messages
from harness.peers import SmtpSink
from harness.sekisho import BIN, Sekisho
from harness.smtp import MAIL_ID, compose, send_in, session
from harness.waiting import until

TOOLS = BIN.parent / "tests"
CUTS = 1000 if os.environ.get("SEKISHO_LONG") else 200
SEED = int(os.environ.get("SEKISHO_SEED", "4"))
SENDERS, MAILS_EACH = 3, 14
KINDS = {
    "inside": ["jiro@example.jp"],
    "outside": ["someone@shop.example", "other@maker.example"],
    "mixed": ["jiro@example.jp", "someone@shop.example", "sato@partner.example"],
    "customer": ["takahashi@customer.example"],
    "confidential": ["tanaka@maker.example"],
}
Acknowledged = collections.namedtuple("Acknowledged", "message_id recipients kind")


def powercut(*arguments):
    done = subprocess.run([TOOLS / "powercut", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class World(Sekisho):
    """A server whose whole state lies in one folder, and the one next hop for everything."""

    def __init__(self, folder):
        super().__init__(folder, hold="1s")
        self.state = self.folder / "state"
        self.sink_peer = SmtpSink(self.folder.parent / f"{self.folder.name}-taken")
        self.config["storage"]["folder"] = str(self.state / "data")
        self.config["keys"]["ring_file"] = str(self.state / "keyring")
        self.config["delivery"].update(
            routes=[{"name": "world", "domains": ["*"], "next_hop": f"127.0.0.1:{self.sink_peer.port}", "tls": "NONE"}],
            first_retry="200ms", max_retry="1s")
        self.config["rpc"]["token_lifetime"] = "24h"
        del self.config["sink"]
        self.write_config()


class Recording:
    """One run under load: the journal, what was acknowledged and when, what had been sent to the next hop and when."""

    def __init__(self, folder):
        self.journal = folder / "journal"
        self.world = World(folder / "recorded")
        self.acknowledged = {}
        self._lock = threading.Lock()
        self._run()
        self.size = int(powercut("size", self.journal))
        self.told = {}         # mail id: before which record its 250 left
        self.deliveries = []   # (before which record the dot left, Message-ID, recipients)
        self._read_marks()

    def _run(self):
        self.world.state.mkdir()
        environment = {"LD_PRELOAD": str(TOOLS / "libpowercut_recorder.so"), "POWERCUT_FOLDER": str(self.world.state),
                       "POWERCUT_JOURNAL": str(self.journal), "POWERCUT_SOCKETS": "1"}
        with self.world.sink_peer:
            os.environ.update(environment)
            try:
                self.world.start()
            finally:
                for name in environment:
                    del os.environ[name]
            senders = [threading.Thread(target=self._send, args=(n,)) for n in range(SENDERS)]
            for sender in senders:
                sender.start()
            with Client(self.world, "taro@example.jp") as taro, Client(self.world, "admin@example.jp") as admin:
                self.tokens = taro.metadata, admin.metadata
                while any(sender.is_alive() for sender in senders):
                    approve_all(taro)
                    time.sleep(0.1)
                until(lambda: approve_all(taro) or not unfinished(admin, self.acknowledged), "the load came through", 60)
            self.world.stop()
        powercut("check", self.journal, self.world.state)  # nothing was done that the recorder could not see

    def _send(self, number):
        rng = random.Random(SEED * 1000 + number)
        with session(self.world, relay=True) as client:
            for _ in range(MAILS_EACH):
                kind = rng.choice(list(KINDS))
                word = "社外秘" if kind == "confidential" else "連絡"
                text = rng.randbytes(rng.choice([250, 10_000, 100_000])).hex()
                raw = compose(KINDS[kind], subject=word, attachments=[("資料.txt", "text/plain", "\r\n".join(textwrap.wrap(text, 70)).encode())])
                message_id = re.search(rb"Message-ID: (<[^>]+>)", raw)[1]
                mail_id = send_in(client, raw, "hanako@example.jp", KINDS[kind])
                with self._lock:
                    self.acknowledged[mail_id] = Acknowledged(message_id, KINDS[kind], kind)

    def _read_marks(self):
        talks = collections.defaultdict(bytes)  # what was said so far on a connection to the next hop
        for line in powercut("marks", self.journal).splitlines():
            mark = json.loads(line)
            octets = bytes.fromhex(mark["hex"])
            if mark["own_port"] == self.world.ports["relay"]:
                for reply in re.findall(rb"^250 .*$", octets, re.MULTILINE):
                    if told := MAIL_ID.search(reply.decode()):
                        self.told[told[0]] = mark["at"]
            if mark["peer_port"] == self.world.sink_peer.port:
                talks[mark["own_port"]] += octets
                while (end := talks[mark["own_port"]].find(b"\r\n.\r\n")) >= 0:
                    self._sent(mark["at"], talks[mark["own_port"]][:end])
                    talks[mark["own_port"]] = talks[mark["own_port"]][end + 5:]
        assert self.told.keys() == self.acknowledged.keys(), "the recording tells of each 250"

    def _sent(self, at, talk):
        if re.search(rb"^MAIL FROM:<>", talk, re.MULTILINE):
            return  # a notice
        recipients = [r.decode() for r in re.findall(rb"^RCPT TO:<([^>]+)>", talk, re.MULTILINE)]
        self.deliveries.append((at, re.search(rb"^Message-ID:\s*(<[^>]+>)", talk, re.MULTILINE | re.IGNORECASE)[1], recipients))

    def choose_cuts(self):
        """Half anywhere, half just after somebody was told something."""
        rng = random.Random(SEED)
        told = [at + 1 for at in self.told.values()] + [at + 1 for at, *_ in self.deliveries]
        cuts = [rng.choice(told) if n % 2 else rng.randrange(self.size + 1) for n in range(CUTS)]
        return [(cut, 0 if n % 4 < 2 else rng.randrange(1, 1 << 32)) for n, cut in enumerate(cuts)]


def approve_all(taro):
    approval = messages("approval")
    for parcel in taro.call("approval", "ApprovalService", "ListApprovals", approval.ListApprovalsRequest()).approvals:
        try:
            taro.call("approval", "ApprovalService", "Approve", approval.ApproveRequest(parcel_id=parcel.parcel_id))
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND), error


def trace_of(admin, mail_id):
    return admin.call("ledger", "LedgerService", "TraceMail", messages("ledger").TraceMailRequest(mail_id=mail_id)).trace


def all_mails(admin):
    return admin.call("ledger", "LedgerService", "ListMails", messages("ledger").ListMailsRequest(all=True, page_size=500)).mails


def state_name(state):
    return messages("mail").RecipientState.Name(state).removeprefix("RECIPIENT_STATE_").lower()


def unfinished(admin, acknowledged):
    """Mails, acknowledged or not, that the server knows or should know and that have not come to their end."""
    mails = {m.mail_id: m for m in all_mails(admin)}
    open_ = {i for i, m in mails.items() if any(state_name(r.state) not in TERMINAL for r in m.recipients)}
    return open_ | (acknowledged - mails.keys() if isinstance(acknowledged, set) else acknowledged.keys() - mails.keys())


class Restarted(World):
    """A place to start the binary on what a cut left, again and again."""

    patience = 60.0

    def examine(self, recording, cut, seed, *unsynced):
        """Restarts after that cut; returns what is wrong, or None. `unsynced`: a file that was never synced."""
        if self.state.exists():
            shutil.rmtree(self.state)
        for taken in self.sink_peer.folder.iterdir():
            taken.unlink()
        powercut("cut", recording.journal, cut, seed, self.state, *unsynced)
        told = {mail_id for mail_id, at in recording.told.items() if at < cut}
        self.log_file.unlink(missing_ok=True)
        try:
            self.start()
            traces = self._finish(recording, told)
        except Exception as error:  # pylint: disable=broad-except
            return f"cut {cut} seed {seed}: {error}\n{self.log()[-2000:]}"
        finally:
            if self.process:
                self.kill()
        wrong = reconcile(recording, cut, told, traces, self.sink_peer.mails())
        return f"cut {cut} seed {seed}: {wrong}" if wrong else None

    def _finish(self, recording, told):
        # Tokens are good after a restart on the same key ring; one that was cut before it was first synced is another ring.
        ring = (self.state / "keyring")
        same_ring = told or ring.exists() and ring.stat().st_size
        taro = User(self, recording.tokens[0]) if same_ring else Client(self, "taro@example.jp")
        admin = User(self, recording.tokens[1]) if same_ring else Client(self, "admin@example.jp")
        with taro, admin:
            until(lambda: approve_all(taro) or not unfinished(admin, told), f"an end for {len(told)} mails", self.patience, interval=0.05)
            return {m.mail_id: trace_of(admin, m.mail_id) for m in all_mails(admin)}


class User(Client):
    """A client with a token from before."""

    def __init__(self, server, metadata):
        self.server, self._channels, self.metadata = server, {}, metadata


def reconcile(recording, cut, told, traces, taken):
    arrived = collections.Counter()
    for at, message_id, recipients in recording.deliveries:
        if at < cut:
            arrived.update((message_id, r) for r in recipients)
    for raw in taken:
        if re.search(rb"^X-Mail-Args: <>", raw, re.MULTILINE):
            continue
        message_id = re.search(rb"^Message-ID:\s*(<[^>]+>)", raw, re.MULTILINE | re.IGNORECASE)[1]
        arrived.update((message_id, r.decode()) for r in re.findall(rb"^X-Rcpt-Args: <([^>]+)>", raw, re.MULTILINE))

    for mail_id in told:
        mail = recording.acknowledged[mail_id]
        if mail_id not in traces:
            return f"{mail_id} ({mail.kind}) was acknowledged and is lost"
        events = traces[mail_id].events
        states = {r.address: state_name(r.state) for r in traces[mail_id].recipients}
        if states != {r: "delivered" for r in mail.recipients}:
            return f"{mail_id} ({mail.kind}): {states}"
        for recipient in mail.recipients:
            final = [e for e in events if recipient in e.recipients and state_name(e.state) in TERMINAL]
            if len(final) != 1:
                return f"{mail_id} ({mail.kind}): {len(final)} terminal events for one recipient"
            count = arrived[mail.message_id, recipient]
            uncertain = any(e.type == "possibly_duplicate" and recipient in e.recipients for e in events)
            if count == 0:
                return f"{mail_id} ({mail.kind}) is said to be delivered and never arrived"
            # RFC 1047: the peer's 250 that there was no time to record. The claim before it was durable: the trace tells.
            if count > 1 and not uncertain:
                return f"{mail_id} ({mail.kind}) arrived {count} times, and its trace does not say that an attempt was uncertain"
        for effect, kind in (("approved", "confidential"), ("password_told", "customer")):
            times = sum(e.type == effect for e in events)
            if times != (1 if mail.kind == kind else 0):
                return f"{mail_id} ({mail.kind}): {effect} {times} times: {[(e.stage, e.type, e.detail) for e in events]}"
    return None


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return Recording(tmp_path_factory.mktemp("power-cut"))


@pytest.fixture
def places():
    """Two folders to restart in, each with its next hop. In memory: what is left is looked at once, and nobody cuts the power here."""
    with contextlib.ExitStack() as stack:
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sekisho-power-cut-", dir=memory)))
        found = [Restarted(folder / f"restarted{n}") for n in range(2)]
        for place in found:
            stack.enter_context(place.sink_peer)
        yield found


def test_every_acknowledged_mail_survives_every_cut(recording, places):
    cuts = recording.choose_cuts()
    print(f"seed {SEED}, {len(cuts)} cuts of {recording.size} records, {len(recording.told)} mails acknowledged")
    free = queue.SimpleQueue()
    for place in places:
        free.put(place)

    def examine(cut):
        place = free.get()
        try:
            return place.examine(recording, *cut)
        finally:
            free.put(place)
    with concurrent.futures.ThreadPoolExecutor(len(places)) as pool:
        wrong = [w for w in pool.map(examine, cuts) if w]
    assert not wrong, f"{len(wrong)} of {len(cuts)} cuts did harm; the first:\n" + "\n".join(wrong[:3])


def test_notices_when_the_log_of_the_database_is_not_synced(recording, places):
    """That the test above can fail: SQLite with synchronous=OFF would have made the same recording without these syncs."""
    told = sorted(recording.told.values())
    places[0].patience = 10.0
    wrong = places[0].examine(recording, told[len(told) // 2] + 1, 0, "data/sekisho.db-wal")
    assert wrong, "nothing was missed after a cut, although the log was never synced"
    print(f"without syncs of the log: {wrong[:300]}")
