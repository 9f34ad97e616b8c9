"""A disk that fills up under load: 452, nothing half accepted, and on it goes when there is room again."""
import os
import smtplib
import subprocess

import pytest

from harness.cli import Cli
from harness.sekisho import Sekisho
from harness.smtp import MAIL_ID, compose, session
from harness.waiting import until


@pytest.fixture
def small_disk(tmp_path):
    assert os.getuid() == 0, "mounting a file system of our own wants root"
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("min_free", ["16MiB", "1KiB"], ids=["before it is full", "when it is full"])
def test_a_full_disk(small_disk, tmp_path, min_free):
    with Sekisho(tmp_path / "sekisho", {"storage": {"folder": str(small_disk / "data"), "min_free": min_free}}) as server:
        acknowledged, refusals = [], []
        while len(refusals) < 3 and len(acknowledged) < 200:
            with session(server, relay=True) as client:
                try:
                    client.mail("app@example.jp")
                    client.rcpt("jiro@example.jp")
                    raw = compose("jiro@example.jp", sender="app@example.jp",
                                  attachments=[("random.bin", "application/octet-stream", os.urandom(700_000))])
                    code, reply = client.data(raw)
                except smtplib.SMTPResponseException as error:
                    code, reply = error.smtp_code, error.smtp_error
                if code == 250:
                    acknowledged.append(MAIL_ID.search(reply.decode())[0])
                else:
                    assert code == 452, reply
                    refusals.append(reply)
        assert acknowledged and len(refusals) == 3
        subprocess.run(["mount", "-o", "remount,size=512m", small_disk], check=True)
        admin = Cli(server, "admin@example.jp")
        for mail_id in acknowledged:
            admin.wait_state(mail_id, "delivered", 30)
        until(lambda: len(server.sink.raw("inside", "jiro@example.jp")) == len(acknowledged), "just the acknowledged ones")
        with session(server, relay=True) as client:
            client.mail("app@example.jp")
            client.rcpt("jiro@example.jp")
            assert client.data(compose("jiro@example.jp", sender="app@example.jp"))[0] == 250
