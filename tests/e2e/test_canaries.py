"""Nothing secret comes out: a whole run, good and bad, and then every file, log line and metric is searched for what was in it."""
import base64
import pathlib
import re
import signal
import uuid

import grpc
import pytest

from harness.cli import Cli, CliError
from harness.grpc_client import Client, messages, stub
from harness.maildir import text_of
from harness.sekisho import DEMO
from harness.smtp import Wire, compose, send, session
from harness.waiting import until

WORD = uuid.uuid4().hex
SECRETS = {
    "typed as a password": f"wrong{WORD}",
    "subject": f"件名{WORD}",
    "body": f"本文{WORD}",
    "file name": f"表{WORD}.txt",
    "file content": f"中身{WORD}",
    "comment": f"理由{WORD}",
}
PEOPLE = ["hanako@example.jp", "taro@example.jp", "suzuki@shop.example", "sato@partner.example", "takahashi@customer.example",
          f"{WORD}@nowhere.example", "reject-me@shop.example", "defer-me@shop.example"]


def forms(text):
    """As it is, and as it may lie in a file that nobody meant to be read."""
    octets = text.encode()
    yield octets
    yield octets.hex().encode()
    yield text.encode("utf-16-le")
    for shift in range(3):  # base64, wherever in the text it begins
        yield base64.b64encode(bytes(shift) + octets)[4 if shift else 0:-4]
    try:
        yield text.encode("iso-2022-jp")[3:-3] if not text.isascii() else octets
    except UnicodeEncodeError:
        pass


def keys():
    """The middle line of each private key's file: what a log of it would show."""
    for file in sorted((DEMO / "keys").glob("*.key")):
        lines = file.read_text().split("\n")
        yield file.name, lines[len(lines) // 2 - 1] if len(lines) > 4 else lines[1]


def live(server):
    """All that the product does, well and badly. Returns what it told us in confidence."""
    told = {}
    hanako, taro, admin = (Cli(server, f"{name}@example.jp") for name in ("hanako", "taro", "admin"))
    with pytest.raises(CliError):
        Cli(server, "hanako@example.jp", SECRETS["typed as a password"]).ask("mail", "list")
    with session(server, login=None) as client:
        wrong = base64.b64encode(f"\0hanako@example.jp\0{SECRETS['typed as a password']}".encode()).decode()
        assert client.docmd("AUTH", f"PLAIN {wrong}")[0] == 535
        assert client.docmd("AUTH", wrong)[0] >= 500, "a password where none belongs"
    with Wire(server.ports["relay"]) as wire:
        for line in (f"MAIL FROM:<{PEOPLE[0]}>", "EHLO x", f"RCPT TO:<{PEOPLE[2]}>", f"VRFY {PEOPLE[1]}", f"{SECRETS['body'].encode().hex()} {WORD}",
                     f"MAIL FROM:<{WORD}@nowhere.example>"):
            assert wire.ask(line)

    def mail(to, text="", **how):
        return send(server, compose(to, subject=how.pop("subject", SECRETS["subject"]), text=f"{SECRETS['body']} {text}\r\n",
                                    attachments=[(SECRETS["file name"], "text/plain", SECRETS["file content"].encode() * 2000)], **how), [to])
    held, inside, partner, customer = mail(PEOPLE[2]), mail("jiro@example.jp"), mail(PEOPLE[3]), mail(PEOPLE[4])
    bounced, deferred, recalled, approved, rejected = (mail(PEOPLE[6]), mail(PEOPLE[7]), mail(PEOPLE[5]), mail(PEOPLE[2], "社外秘"),
                                                       mail(PEOPLE[2], "社外秘"))
    ambiguous = send(server, b"Subject: " + WORD.encode() + b"\r\n" + compose(PEOPLE[2], subject=SECRETS["subject"]), [PEOPLE[2]])
    hanako.wait_state(held, "held")
    hanako.wait_state(inside, "delivered")
    for mail_id in (approved, rejected):
        hanako.wait_state(mail_id, "awaiting_approval")
    hanako.wait_state(recalled, "held")
    hanako.recall(recalled)
    for mail_id in (held, bounced, deferred):
        hanako.wait_state(mail_id, "held")
        hanako.release(hanako.holds(mail_id)[0]["parcel_id"])
    taro.ask("approval", "approve", taro.approvals(approved)[0]["parcel_id"], "--comment", SECRETS["comment"])
    taro.reject(taro.approvals(rejected)[0]["parcel_id"], SECRETS["comment"])
    for mail_id, state in ((held, "delivered"), (partner, "delivered"), (customer, "delivered"), (bounced, "bounced"), (deferred, "deferred"),
                           (recalled, "recalled"), (approved, "delivered"), (rejected, "rejected"), (ambiguous, "held")):
        hanako.wait_state(mail_id, state)
    password = server.sink.wait("inside", PEOPLE[0], lambda m: re.search(r"^\s*(\S{16})\s*$", text_of(m), re.MULTILINE) and "customer" in text_of(m))
    told["ZIP password"] = re.search(r"^\s*(\S{16})\s*$", text_of(password), re.MULTILINE)[1]
    with Client(server) as client:
        told["token"] = client.metadata[0][1].removeprefix("Bearer ")
        intake = messages("intake")
        for wrong in (dict(mail_from=PEOPLE[1]), dict(recipients=[f"{WORD}\r\n@x"]), dict(raw=SECRETS["body"].encode() + b"\n"), dict(request_id="\n" + WORD)):
            fields = dict(request_id=WORD, mail_from=PEOPLE[0], recipients=[PEOPLE[2]], raw=compose(PEOPLE[2]))
            with pytest.raises(grpc.RpcError):
                client.call("intake", "IntakeService", "SubmitMail", intake.SubmitMailRequest(**{**fields, **wrong}))
        with pytest.raises(grpc.RpcError):
            stub(client.channel, "intake", "IntakeService").ListMails(intake.ListMailsRequest(), metadata=[("authorization", f"Bearer {WORD}")], timeout=10)
    policy = server.policy_file.read_text(encoding="utf-8")
    server.policy_file.write_text(policy + f"\n  - id: {SECRETS['body']}\n    nonsense: {SECRETS['comment']}\n", encoding="utf-8")
    until(lambda: "policy.refused" in server.log(), "the refusal of a wrong policy")
    server.policy_file.write_text(policy, encoding="utf-8")
    for verb in (["queue", "summary"], ["dlq", "list"], ["hold", "list", "--all"], ["mail", "list"]):
        admin.ask(*verb)
    return told


def stored(server, when):
    return {f"{where}, {when}": octets for where, octets in server.stored().items()}


def test_nothing_of_a_whole_run_is_readable_anywhere(start):
    server = start({"log": {"level": "debug"}})
    told = live(server)
    places = {"the metrics": server.http("/metrics")[1].encode(), **stored(server, "killed")}
    server.kill()  # with all that it had not yet put in order
    server.start()  # what it reads back, it does not log either
    server.stop()
    places.update({"the log": server.log().encode(), "the key ring": (server.folder / "keyring").read_bytes(), **stored(server, "stopped")})
    assert any(len(octets) > 100_000 for name, octets in places.items() if "data" in name), "the database is among them"
    secrets = {**SECRETS, **told, **dict(keys()), **{p: p for p in PEOPLE}, "the word": WORD, "the password": "sekisho-demo"}
    assert len(secrets) >= len(SECRETS) + 2 + 3 + len(PEOPLE)
    for what, secret in secrets.items():
        for octets in forms(secret):
            for where, content in places.items():
                assert octets not in content, f"{what} lies readable in {where}: {octets!r}"


def test_a_crash_leaves_no_core(start):
    server = start()
    limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    server.process.send_signal(signal.SIGSEGV)
    assert server.process.wait(20) == -signal.SIGSEGV
    server.process = None
    assert not [f.name for f in server.folder.iterdir() if "core" in f.name]


def test_the_search_finds_what_is_there(start):
    """The test above could fail: the sink's folder, which is the outside world, has all of it."""
    server = start()
    send(server, compose("jiro@example.jp", text=f"{WORD}\r\n"), ["jiro@example.jp"])
    server.sink.wait("inside", "jiro@example.jp")
    [raw] = server.sink.raw("inside", "jiro@example.jp")
    assert any(octets in raw.replace(b"\r\n", b"") for octets in forms(WORD))
