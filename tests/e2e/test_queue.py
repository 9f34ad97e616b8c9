"""What an operator asks when mail does not come: how old, where, and why."""
import pytest

from harness.cli import CliError
from harness.smtp import compose
from harness.waiting import until

NO_SUCH, NOT_ALLOWED = 4, 3


def submit(hanako, tmp_path, recipients):
    file = tmp_path / "mail.eml"
    file.write_bytes(compose(recipients))
    return hanako.submit(file, "hanako@example.jp", recipients)


def test_a_suspended_destination_is_seen_from_every_side(demo, hanako, admin, tmp_path):
    admin.ask("queue", "suspend", "inside")
    try:
        mail = submit(hanako, tmp_path, ["jiro@example.jp"])
        waits = until(lambda: admin.ask("queue", "show", mail)["waits"], "it waits in delivery")
        assert [w["recipients"] for w in waits] == [["jiro@example.jp"]]
        assert (waits[0]["stage"], waits[0]["where"], waits[0]["why"]) == ("delivery", "inside", "the destination is suspended")
        assert waits[0] in admin.ask("queue", "list", "--destination", "inside")
        assert waits[0] in admin.ask("queue", "list", "--stage", "delivery")
        assert waits[0] not in admin.ask("queue", "list", "--stage", "approval")
        shape = admin.ask("queue", "shape")
        assert len(shape["ages"]) == 9
        inside, = [d for d in shape["destinations"] if d["destination"] == "inside"]
        assert inside["total"] == sum(inside["counts"]) >= 1 and inside["counts"][0] >= 1
        for verb in (["show", mail], ["list"], ["shape"]):
            shown = admin.run("queue", *verb)
            assert shown.returncode == 0 and "inside" in shown.stdout
    finally:
        admin.ask("queue", "resume", "inside")
    hanako.wait_state(mail, "delivered")
    shown = admin.ask("queue", "show", mail)
    assert shown["waits"] == [] and [r["state"] for r in shown["recipients"]] == ["delivered"]


def test_a_held_mail_says_what_holds_it(demo, hanako, admin, tmp_path):
    mail = submit(hanako, tmp_path, ["somebody@shop.example"])
    wait, = until(lambda: admin.ask("queue", "show", mail)["waits"], "it is held")
    assert wait["stage"] == "approval" and wait["where"] == "held: timed" and "3 minutes" in wait["why"]
    assert wait["recipients"] == ["somebody@shop.example"] and wait["since"] < wait["next"]
    assert wait in admin.ask("queue", "list", "--stage", "approval")
    assert [h["hold_class"] for h in admin.ask("queue", "shape")["holds"] if h["total"] >= 1] == ["timed"]
    hanako.recall(mail)


def test_it_is_for_operators(demo, hanako, tmp_path):
    mail = submit(hanako, tmp_path, ["jiro@example.jp"])
    for verb in (["shape"], ["list"], ["show", mail]):
        assert hanako.run("queue", *verb).returncode == NOT_ALLOWED


def test_a_mail_that_is_not_there(admin):
    with pytest.raises(CliError) as absent:
        admin.ask("queue", "show", "01900000-0000-7000-8000-000000000000")
    assert absent.value.status == NO_SUCH
