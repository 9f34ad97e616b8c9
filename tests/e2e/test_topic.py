"""`sekisho topic tail`: what travels, for those who may see it, and never without a trace."""
import json

from harness.waiting import until

NOT_ALLOWED, USAGE = 3, 2


def tail(cli, *arguments):
    done = cli.run("topic", "tail", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_an_officer_reads_a_mails_records_and_it_is_journalled(hanako, admin):
    mail_id = hanako.demo_send("inside")
    hanako.wait_state(mail_id, "delivered")
    records, said = tail(admin, "submitted", "--mail", mail_id)
    assert [r["mail_id"] for r in records] == [mail_id]
    assert records[0]["type"] == "sekisho.mail.v1.Mail" and records[0]["source"] == "intake"
    assert records[0]["value"]["envelope"]["mail_from"] == "hanako@example.jp" and records[0]["problem"] == ""
    assert mail_id in said

    def reading():
        return [e for e in admin.trace(mail_id)["events"] if e["type"] == "topic_read"]
    until(reading, "the reading is on the mail's trace")
    assert reading()[0]["actor"] == "admin@example.jp" and "submitted" in reading()[0]["detail"]


def test_a_sender_reads_nothing(hanako):
    done = hanako.run("topic", "tail", "submitted")
    assert done.returncode == NOT_ALLOWED and done.stdout == ""


def test_a_topic_that_there_is_not_is_a_usage_error(admin):
    done = admin.run("topic", "tail", "gossip")
    assert done.returncode == USAGE and "gossip" in done.stderr
