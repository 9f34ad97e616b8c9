"""A sender learns which rule stopped a mail, never the dictionary behind it: its terms are nowhere that a sender can look."""
import uuid

import grpc
import pytest

from harness.cli import Cli, CliError
from harness.grpc_client import Client, messages, reasons
from harness.maildir import text_of
from harness.smtp import compose, send
from harness.waiting import until

OUTSIDE = "someone@shop.example"
# Matched in forms that the mails below don't have: what shows the term itself comes from the dictionary or the evidence.
TERMS = {"approval": "falkenstein", "block": "kestrel", "hold_for": "merlinproject"}
POLICY = """
keyword_sets:
  - {name: approval-words, words: [Falkenstein]}
  - {name: block-words, words: [Kestrel]}
  - {name: hold-words, words: [MerlinProject]}
rules:
  - {id: needs-superior, when: {content: {keyword_sets: [approval-words]}}, then: {approval: {}}}
  - {id: never, when: {content: {keyword_sets: [block-words]}}, then: {block: true}}
  - {id: later, when: {content: {keyword_sets: [hold-words]}}, then: {hold_for: 10m}}
"""


def wide(word):
    return "".join(chr(ord(c) + 0xFEE0) for c in word)


@pytest.fixture(scope="module")
def server(make_server, tmp_path_factory):
    server = make_server(tmp_path_factory.mktemp("senders"))
    server.policy_file.write_text(POLICY, encoding="utf-8")
    with server:
        yield server


def views_of_sender(server, mail_id):
    """Everything that hanako can ask about her mail, as text."""
    cli = Cli(server, "hanako@example.jp")
    for verb in (["trace", mail_id], ["mail", "list"], ["hold", "list"]):
        for form in ([], ["--json"]):
            done = cli.run(*verb, *form)
            assert done.returncode == 0, done.stderr
            yield f"{verb} {form}", done.stdout + done.stderr
    intake, approval, ledger = messages("intake"), messages("approval"), messages("ledger")
    with Client(server) as client:
        def ask(package, service, method, request):
            return str(client.call(package, service, method, request))
        yield "GetMail", ask("intake", "IntakeService", "GetMail", intake.GetMailRequest(mail_id=mail_id))
        yield "ListMails", ask("intake", "IntakeService", "ListMails", intake.ListMailsRequest())
        yield "TraceMail", ask("ledger", "LedgerService", "TraceMail", ledger.TraceMailRequest(mail_id=mail_id))
        yield "ListHolds", ask("approval", "ApprovalService", "ListHolds", approval.ListHoldsRequest())
        watch = client.service("intake", "IntakeService").WatchMail(intake.WatchMailRequest(mail_id=mail_id), metadata=client.metadata, timeout=20)
        yield "WatchMail", str(next(iter(watch)))
        watch.cancel()
    for message in server.sink.messages("inside", "hanako@example.jp"):
        yield f"notice {message['subject']}", "\n".join(f"{k}: {v}" for k, v in message.items()) + text_of(message)


def check(server, mail_id):
    seen = dict(views_of_sender(server, mail_id))
    for where, text in seen.items():
        for term in TERMS.values():
            assert term not in text.lower(), f"{term} in {where}:\n{text}"
    return seen


@pytest.mark.parametrize("kind, state, rule", [("approval", "awaiting_approval", "needs-superior"), ("block", "rejected", "never"),
                                               ("hold_for", "held", "later")])
def test_no_view_shows_a_dictionarys_term(server, kind, state, rule):
    mail_id = send(server, compose(OUTSIDE, subject=f"計画 {wide(TERMS[kind])}"), [OUTSIDE])
    Cli(server, "hanako@example.jp").wait_state(mail_id, state)
    if kind != "hold_for":
        server.sink.wait("inside", "hanako@example.jp", lambda m: wide(TERMS[kind]) in str(m["subject"]) + text_of(m))
    seen = check(server, mail_id)
    assert rule in seen["['trace', '%s'] ['--json']" % mail_id], "the rule itself is told"


def test_the_superior_reads_what_matched(server):
    """And so the evidence is there: the test above could fail."""
    mail_id = send(server, compose(OUTSIDE, text=f"計画 {wide(TERMS['approval'])}\r\n"), [OUTSIDE])
    Cli(server, "hanako@example.jp").wait_state(mail_id, "awaiting_approval")
    taro = Cli(server, "taro@example.jp")
    [approval] = taro.approvals(mail_id)
    assert [r["evidence"] for r in approval["reasons"]] == [TERMS["approval"]]
    taro.reject(approval["parcel_id"], "送れません")
    Cli(server, "hanako@example.jp").wait_state(mail_id, "rejected")
    server.sink.wait("inside", "hanako@example.jp", lambda m: "送れません" in text_of(m))
    check(server, mail_id)


def check_request(kind, **fields):
    intake = messages("intake")
    mail = dict(request_id=str(uuid.uuid4()), mail_from="hanako@example.jp", recipients=[OUTSIDE],
                raw=compose(OUTSIDE, text=f"{wide(TERMS[kind])}\r\n"))
    return intake.CheckMailRequest(mail=intake.SubmitMailRequest(**{**mail, **fields}))


def journalled(server):
    """How many events the ledger holds; what they say is sealed."""
    return server.count_rows("ledger", "event")


def test_asking_beforehand_teaches_no_term_leaves_a_trace_and_has_its_limit(server):
    listed = Cli(server, "hanako@example.jp").ask("mail", "list")
    before = journalled(server)
    with Client(server) as client:
        def ask(request):
            return client.call("intake", "IntakeService", "CheckMail", request)
        for kind, term in TERMS.items():
            answer = str(ask(check_request(kind)))
            assert "actions" in answer and term not in answer.lower()
        until(lambda: journalled(server) == before + len(TERMS), "each question is in the journal")
        assert Cli(server, "hanako@example.jp").ask("mail", "list") == listed, "nothing was sent"
        for anothers in (dict(mail_from="jiro@example.jp"), dict(raw=compose(OUTSIDE, sender="jiro@example.jp"))):
            with pytest.raises(grpc.RpcError) as error:
                ask(check_request("block", **anothers))
            assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED
        with pytest.raises(grpc.RpcError) as error:
            for _ in range(40):
                ask(check_request("block"))
        assert reasons(error.value) == ["TOO_MANY_CHECKS"]


def test_who_may_not_ask_learns_nothing(server):
    hanako = Cli(server, "hanako@example.jp")
    for verb in (["approval", "list"], ["hold", "list", "--all"]):
        with pytest.raises(CliError):
            hanako.ask(*verb)
