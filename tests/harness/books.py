"""Load on a server, and the reckoning after it: what it said 250 to, what arrived, and what it says became of each recipient."""
import collections
import random
import re
import smtplib
import threading
import time

import grpc

from harness.cli import TERMINAL
from harness.grpc_client import Client, messages
from harness.smtp import compose, send_in, session

KINDS = {
    "inside": ["jiro@example.jp"],
    "outside": ["someone@shop.example", "other@maker.example"],
    "mixed": ["jiro@example.jp", "someone@shop.example", "sato@partner.example"],
    "partner": ["sato@partner.example"],
    "customer": ["takahashi@customer.example"],
    "confidential": ["tanaka@maker.example"],
}
LARGE = {"large": ["jiro@example.jp", "sato@partner.example"]}  # its content is not kept in the database
RECALLED = {"recalled": ["someone@shop.example", "jiro@example.jp", "sato@partner.example"]}  # tried to be, at any moment

Mail = collections.namedtuple("Mail", "message_id recipients kind")


def state_name(state):
    return messages("mail").RecipientState.Name(state).removeprefix("RECIPIENT_STATE_").lower()


class Load:
    """Senders, an approver and one who takes mails back. They go on whatever happens to the server, and keep what they were told."""

    def __init__(self, server, seed, kinds=KINDS, senders=3, pause=0.02):
        self.server, self.seed, self.kinds, self.pause = server, seed, kinds, pause
        self.stopped = threading.Event()
        self.acknowledged = {}  # mail id: Mail
        self.answers = {}  # of mails that somebody tried to take back: {address: answer}, empty when none came
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._send, args=(n,)) for n in range(senders)]
        self.threads.append(threading.Thread(target=self._approve))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:  # senders may still add to them
            thread.join()

    def _send(self, number):
        rng = random.Random(self.seed * 1000 + number)
        while not self.stopped.is_set():
            try:
                with session(self.server) as client:
                    while not self.stopped.is_set():
                        self._send_any(client, rng)
            except (OSError, smtplib.SMTPException, AssertionError):
                time.sleep(0.05)

    def _send_any(self, client, rng):
        kind = rng.choice(list(self.kinds))
        size = 200_000 if kind == "large" else rng.choice([500, 25_000])
        mail_id = self.send_one(client, kind, rng.randbytes(size))
        if kind == "recalled":
            self.answers[mail_id] = {}
            self.take_back(mail_id, rng)
        time.sleep(self.pause)

    def send_one(self, client, kind, octets):
        """Sends a mail with an attachment; returns its id. Raises AssertionError, with the reply, when it is refused."""
        recipients = self.kinds[kind]
        raw = compose(recipients, subject="社外秘" if kind == "confidential" else "連絡",
                      attachments=[("資料.csv", "text/csv", octets.hex().encode())])
        message_id = re.search(rb"Message-ID: (<[^>]+>)", raw)[1]
        mail_id = send_in(client, raw, "hanako@example.jp", recipients)
        with self.lock:
            self.acknowledged[mail_id] = Mail(message_id, recipients, kind)
        return mail_id

    def take_back(self, mail_id, rng):
        """Has it taken back some time from now."""
        self.threads.append(threading.Timer(rng.uniform(0, 1.5), self._recall, [mail_id]))
        self.threads[-1].start()

    def _recall(self, mail_id):
        try:
            with Client(self.server) as hanako:
                self.answers[mail_id] = recall(hanako, mail_id)
        except grpc.RpcError:
            pass

    def _approve(self):
        while not self.stopped.is_set():
            approve_all(self.server)
            time.sleep(0.2)


def recall(client, mail_id):
    """{address: "recalled", "too_late" or "pending"}"""
    intake = messages("intake")
    reply = client.call("intake", "IntakeService", "RecallMail", intake.RecallMailRequest(mail_id=mail_id))
    name = intake.RecipientRecall.Answer.Name
    return {r.address: name(r.answer).removeprefix("ANSWER_").lower() for r in reply.recipients}


def approve_all(server):
    """taro approves what waits; a server that just died is no error."""
    approval = messages("approval")
    try:
        with Client(server, "taro@example.jp") as taro:
            waiting = taro.call("approval", "ApprovalService", "ListApprovals", approval.ListApprovalsRequest())
            for parcel in waiting.approvals:
                taro.call("approval", "ApprovalService", "Approve", approval.ApproveRequest(parcel_id=parcel.parcel_id))
    except grpc.RpcError:
        pass


def trace_of(admin, mail_id):
    return admin.call("ledger", "LedgerService", "TraceMail", messages("ledger").TraceMailRequest(mail_id=mail_id)).trace


def ended(trace):
    return all(state_name(r.state) in TERMINAL for r in trace.recipients)


class Traces:
    """Of all mails of a load; those that have ended are asked for once."""

    def __init__(self, load):
        self.open = set(load.acknowledged)
        self.all = {}

    def look(self, admin):
        """How many have not ended yet. Raises grpc.RpcError when the ledger cannot be asked."""
        for mail_id in sorted(self.open):
            self.all[mail_id] = trace = trace_of(admin, mail_id)
            if ended(trace):
                self.open.remove(mail_id)
        return len(self.open)


def follow(server, load, seconds):
    """The traces of all mails of the load, when all have ended. What has not after so long is no error here: the reckoning tells it."""
    traces, admin = Traces(load), None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        approve_all(server)
        try:
            admin = admin or Client(server, "admin@example.jp")
            if traces.look(admin) == 0:
                break
        except grpc.RpcError:
            admin = None
        time.sleep(0.5)
    return traces.all


def count_arrivals(mails):
    """What smtp-sink took, by (Message-ID, recipient): mails of people, and what Sekisho itself sent."""
    arrived, notices = collections.Counter(), collections.Counter()
    for raw in mails:
        message_id = re.search(rb"^Message-ID:\s*(<[^>]+>)", raw, re.MULTILINE | re.IGNORECASE)[1]
        own = re.search(rb"^X-Mail-Args: <>", raw, re.MULTILINE)
        for recipient in re.findall(rb"^X-Rcpt-Args: <([^>]+)>", raw, re.MULTILINE):
            (notices if own else arrived)[message_id, recipient.decode()] += 1
    return arrived, notices


def reckon(load, mails, traces):
    """What is wrong, a line each, and how many mails arrived twice in the one window that no mail system can close: a peer's 250
    that a kill left no time to record (RFC 1047). Such an attempt is told in the trace; no other mail may repeat."""
    arrived, notices = count_arrivals(mails)
    wrong, repeated = [], 0
    for mail_id, mail in load.acknowledged.items():
        found, twice = _reckon_one(mail, load.answers.get(mail_id), arrived, traces[mail_id])
        wrong += [f"{mail_id} ({mail.kind}): {what}" for what in found]
        repeated += twice
    # Of mails whose 250 was lost, a recipient gets a password too.
    customers = sum(mail.kind == "customer" for mail in load.acknowledged.values())
    passwords = sum(count for (_, recipient), count in notices.items() if recipient == "hanako@example.jp")
    if passwords < customers:
        wrong.append(f"{customers} sealed ZIPs and {passwords} mails that tell their passwords")
    return wrong, repeated


def _reckon_one(mail, answers, arrived, trace):
    wrong, twice = [], False
    states = {r.address: state_name(r.state) for r in trace.recipients}
    if sorted(states) != sorted(mail.recipients):
        wrong.append(f"the trace is about {sorted(states)}")
    for recipient in mail.recipients:
        count = arrived[mail.message_id, recipient]
        state = states.get(recipient, "unknown")
        answer = "pending" if answers == {} else (answers or {}).get(recipient, "too_late")
        final = [e for e in trace.events if recipient in e.recipients and state_name(e.state) in TERMINAL]
        uncertain = [e for e in trace.events if e.type == "possibly_duplicate" and recipient in e.recipients]
        expected = {"recalled": ["recalled"], "too_late": ["delivered"], "pending": ["delivered", "recalled"]}[answer]
        if state not in expected:
            wrong.append(f"{recipient} is {state}, not {' or '.join(expected)}, and {count} arrived")
        elif (count >= 1) != (state == "delivered"):
            wrong.append(f"{recipient} is {state}, and {count} arrived")
        if count > 1 and not uncertain:
            wrong.append(f"{recipient} got it {count} times, and the trace does not say that an attempt was uncertain")
        twice |= count > 1
        if len(final) != 1:
            wrong.append(f"{recipient} has {len(final)} terminal events")
    approvals = [e for e in trace.events if e.type == "approved"]
    if len(approvals) != (mail.kind == "confidential"):
        wrong.append(f"{len(approvals)} approvals")
    return wrong, twice
