"""grpcio as a client: the contract that integrators build on."""
import uuid

import grpc
import pytest

from harness.grpc_client import Client, messages, reasons, stub
from harness.maildir import text_of
from harness.smtp import compose

RAW_LIMIT = 4 << 20


@pytest.fixture
def client(demo):
    with Client(demo) as c:
        yield c


def request(**fields):
    intake = messages("intake")
    defaults = dict(request_id=str(uuid.uuid4()), mail_from="hanako@example.jp", recipients=["jiro@example.jp"])
    if "structured" not in fields:
        defaults["raw"] = compose("jiro@example.jp", subject="gRPC")
    return intake.SubmitMailRequest(**{**defaults, **fields})


def submit(client, **fields):
    return client.call("intake", "IntakeService", "SubmitMail", request(**fields))


def refused(call, *arguments, **fields):
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments, **fields)
    return error.value.code(), reasons(error.value)


def watch(client, mail_id, resume_token=""):
    service = client.service("intake", "IntakeService")
    return list(service.WatchMail(messages("intake").WatchMailRequest(mail_id=mail_id, resume_token=resume_token),
                                  metadata=client.metadata, timeout=30))


def test_submit_and_watch_to_the_end(demo, client, hanako):
    mail_id = submit(client).mail_id
    updates = watch(client, mail_id)
    assert updates[0].WhichOneof("update") == "snapshot"
    assert updates[-1].terminal
    told = [*updates[0].snapshot.events, *(u.event for u in updates if u.WhichOneof("update") == "event")]
    assert [e.type for e in told] == ["accepted", "judged", "delivered"]
    assert hanako.states(mail_id) == {"jiro@example.jp": "delivered"}


def test_a_watch_resumes_after_its_token(client):
    mail_id = submit(client).mail_id
    updates = watch(client, mail_id)
    again = watch(client, mail_id, updates[-1].resume_token)
    assert again[-1].terminal
    events = {u.event.event_id for u in updates if u.WhichOneof("update") == "event"}
    assert not events & {u.event.event_id for u in again if u.WhichOneof("update") == "event"}


def test_get_never_says_not_found_after_ok(client):
    for _ in range(20):
        mail_id = submit(client).mail_id
        got = client.call("intake", "IntakeService", "GetMail", messages("intake").GetMailRequest(mail_id=mail_id))
        assert got.trace.mail_id == mail_id


def test_structured_mail(demo, client, hanako):
    intake = messages("intake")
    structured = intake.StructuredMail(subject="構造化メール①", text="本文です。", to=["鈴木 次郎 <jiro@example.jp>"],
                                       attachments=[intake.StructuredMail.Attachment(file_name="表.csv", media_type="text/csv", content=b"a,b\r\n")])
    mail_id = submit(client, structured=structured).mail_id
    hanako.wait_state(mail_id, "delivered")
    arrived = demo.sink.wait("inside", "jiro@example.jp", lambda m: str(m["subject"]) == "構造化メール①")
    assert "本文です。" in text_of(arrived) and arrived["date"] and arrived["message-id"]
    assert [a.get_filename() for a in arrived.iter_attachments()] == ["表.csv"]


@pytest.mark.parametrize("field", ["subject", "to", "from", "file_name"])
def test_line_ends_in_fields_are_refused(client, field):
    intake = messages("intake")
    bad = "x\r\nBcc: evil@evil.example"
    structured = intake.StructuredMail(subject="s", text="t", to=["jiro@example.jp"])
    if field == "to":
        structured.to[0] = bad
    elif field == "file_name":
        structured.attachments.add(file_name=bad, media_type="text/plain", content=b"x")
    else:
        setattr(structured, field, bad)
    assert refused(submit, client, structured=structured)[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_the_same_request_id_is_the_same_mail(client):
    one = request(request_id="same-" + str(uuid.uuid4()))
    call = client.service("intake", "IntakeService").SubmitMail
    first = call(one, metadata=client.metadata, timeout=10).mail_id
    assert call(one, metadata=client.metadata, timeout=10).mail_id == first
    other = messages("intake").SubmitMailRequest()
    other.CopyFrom(one)
    other.recipients[0] = "taro@example.jp"
    code, why = refused(call, other, metadata=client.metadata, timeout=10)
    assert (code, why) == (grpc.StatusCode.ALREADY_EXISTS, ["REQUEST_ID_REUSED"])


def test_without_a_token_nothing_is_answered(client):
    call = stub(client.channel, "intake", "IntakeService").SubmitMail
    assert refused(call, request(), timeout=10)[0] == grpc.StatusCode.UNAUTHENTICATED
    assert refused(call, request(), metadata=[("authorization", "Bearer forged")], timeout=10)[0] == grpc.StatusCode.UNAUTHENTICATED


def test_a_wrong_password_is_refused(demo, client):
    auth = stub(client.channel, "intake", "AuthService")
    for user in ("hanako@example.jp", "nobody@example.jp"):
        login = messages("intake").LoginRequest(user=user, password="wrong")
        assert refused(auth.Login, login, timeout=10) == (grpc.StatusCode.UNAUTHENTICATED, ["LOGIN_REFUSED"])


def test_anothers_address_is_refused(client):
    assert refused(submit, client, mail_from="jiro@example.jp") == (grpc.StatusCode.PERMISSION_DENIED, ["SENDER_NOT_OWNED"])
    forged = compose("jiro@example.jp", sender="taro@example.jp")
    assert refused(submit, client, raw=forged) == (grpc.StatusCode.PERMISSION_DENIED, ["SENDER_NOT_OWNED"])


def test_recipients_must_be_addresses(client):
    for recipients in ([], ["no-at-sign"], ["a@b\r\nRCPT TO:<c@d>"]):
        assert refused(submit, client, recipients=recipients)[0] == grpc.StatusCode.INVALID_ARGUMENT, recipients


def test_recall_answers_for_each_recipient(client, hanako):
    mail_id = submit(client, recipients=["jiro@example.jp", "x@shop.example"], raw=compose(["jiro@example.jp", "x@shop.example"])).mail_id
    hanako.wait_state_of(mail_id, {"jiro@example.jp": "delivered", "x@shop.example": "held"})
    intake = messages("intake")
    reply = client.call("intake", "IntakeService", "RecallMail", intake.RecallMailRequest(mail_id=mail_id))
    answers = {r.address: r.answer for r in reply.recipients}
    assert answers["jiro@example.jp"] == intake.RecipientRecall.ANSWER_TOO_LATE
    assert answers["x@shop.example"] in (intake.RecipientRecall.ANSWER_RECALLED, intake.RecipientRecall.ANSWER_PENDING)
    hanako.wait_state_of(mail_id, {"jiro@example.jp": "delivered", "x@shop.example": "recalled"})


def test_others_mail_is_not_there(demo, client):
    mail_id = submit(client).mail_id
    with Client(demo, "jiro@example.jp") as jiro:
        for method, ask in (("GetMail", messages("intake").GetMailRequest), ("RecallMail", messages("intake").RecallMailRequest)):
            code, _ = refused(jiro.call, "intake", "IntakeService", method, ask(mail_id=mail_id))
            assert code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED)


def test_upload_takes_what_a_unary_call_cannot(demo, client, hanako):
    intake = messages("intake")
    raw = compose("jiro@example.jp", subject="大きい", attachments=[("data.bin", "application/octet-stream", bytes(range(256)) * (24 << 10))])
    assert len(raw) > RAW_LIMIT

    def pieces(size):
        yield intake.UploadMailRequest(header=intake.UploadHeader(request_id=str(uuid.uuid4()), mail_from="hanako@example.jp",
                                                                 recipients=["jiro@example.jp"], size=size))
        for at in range(0, len(raw), 1 << 20):
            yield intake.UploadMailRequest(data=raw[at:at + (1 << 20)])
    upload = client.service("intake", "IntakeService").UploadMail
    mail_id = upload(pieces(len(raw)), metadata=client.metadata, timeout=30).mail_id
    hanako.wait_state(mail_id, "delivered")
    assert refused(upload, pieces(len(raw) + 1), metadata=client.metadata, timeout=30)[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_limits_are_told(client):
    limits = client.call("intake", "IntakeService", "GetLimits", messages("intake").GetLimitsRequest())
    assert (limits.max_message_bytes, limits.max_recipients) == (50 << 20, 500)
    assert limits.request_id_days >= 7


def test_roles(demo, client):
    """A sender's token opens no admin's call."""
    for package, service, method, ask in (("delivery", "DeliveryService", "SummarizeQueue", "SummarizeQueueRequest"),
                                          ("encryption", "EncryptionService", "ListCertificates", "ListCertificatesRequest"),
                                          ("policy", "PolicyService", "GetPolicyVersion", "GetPolicyVersionRequest"),
                                          ("approval", "ApprovalService", "ListApprovals", "ListApprovalsRequest")):
        code, _ = refused(client.call, package, service, method, getattr(messages(package), ask)())
        assert code == grpc.StatusCode.PERMISSION_DENIED, service


def test_health(client):
    grpc_health = client.channel.unary_unary("/grpc.health.v1.Health/Check")
    assert grpc_health(b"", timeout=10) == b"\x08\x01", "SERVING"
