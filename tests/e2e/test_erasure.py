"""Once a day's key is destroyed, nothing of that day's mails can be read: not by the product, not from its storage, not from a copy made before."""
import json
import os
import shutil
import smtplib
import subprocess
import uuid

import pytest

from harness.cli import Cli
from harness.sekisho import BIN, Sekisho
from harness.smtp import compose, send
from harness.thief import Thief
from harness.waiting import until

WORD = uuid.uuid4().hex
TO = {where: f"{where}{WORD}@{domain}" for where, domain in (
    ("inside", "example.jp"), ("held", "shop.example"), ("approval", "shop.example"), ("defer-me", "shop.example"), ("sealed", "customer.example"))}
# Where the mails of the test below lie: whoever has the key finds the word there.
PLACES = {"content_blob", "files", "intake_mail", "approval_parcel", "delivery_recipient", "ledger_event"}


def keys(server, *arguments, ring="keyring"):
    done = subprocess.run([BIN / "sekisho-keys", "--ring", server.folder / ring, *arguments], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill(server):
    """A mail in each place where one can be, small and large. Returns {where: mail id}."""
    def mail(where, text="", size=10):
        return send(server, compose(TO[where], subject=WORD, text=f"{WORD} {text}\r\n", attachments=[(f"{WORD}.txt", "text/plain", b"x" * size)]),
                    [TO[where]])
    sent = {"inside": mail("inside"), "held": mail("held", size=100_000), "approval": mail("approval", "社外秘"),
            "defer-me": mail("defer-me"), "sealed": mail("sealed")}
    hanako = Cli(server, "hanako@example.jp")
    for where, state in (("inside", "delivered"), ("held", "held"), ("approval", "awaiting_approval"), ("sealed", "delivered")):
        hanako.wait_state(sent[where], state)
    hanako.wait_state(sent["defer-me"], "held")
    hanako.release(hanako.holds(sent["defer-me"])[0]["parcel_id"])
    hanako.wait_state(sent["defer-me"], "deferred")
    return sent


def places_of_the_word(loot):
    return {where for where, octets in loot.items() if WORD.encode() in octets}


def test_a_destroyed_day_cannot_be_read_anywhere(start):
    server = start({"storage": {"small_content": "16KiB"}})
    sent = fill(server)
    server.stop()
    data, backup = server.folder / "data", server.folder / "backup"
    shutil.copytree(data, backup)
    before = Thief(server.folder / "keyring")
    for folder in (data, backup):
        found = places_of_the_word(before.loot(folder))
        assert PLACES <= found, f"the thief finds what is there with the key; not in {PLACES - found}"
        assert any(where.startswith("bus_") for where in found), f"topics are among them: {found}"
        for file in folder.rglob("*"):
            if file.is_file():
                assert WORD.encode() not in file.read_bytes(), f"readable without any key in {file}"

    server.start()
    for line in keys(server, "list").splitlines():
        keys(server, "destroy", "--today", line.split()[0])
    after = Thief(server.folder / "keyring")
    hanako = Cli(server, "hanako@example.jp")

    def forgotten():
        done = [hanako.run("trace", mail_id) for mail_id in sent.values()]
        return all(WORD not in d.stdout for d in done)
    until(forgotten, "the running process forgets within a second", 5)
    for verb in (["mail", "list"], ["hold", "list"]):
        assert WORD not in hanako.run(*verb).stdout
    with pytest.raises((smtplib.SMTPException, AssertionError), match="451|452"):
        send(server, compose(TO["inside"]), [TO["inside"]])
    server.stop()
    for folder in (data, backup):
        assert after.loot(folder) == {}, "nothing opens, be it empty"


def publish(source, mount):
    """Mounts `source` as a Kubernetes secret: in a new folder, to which the link ..data is turned in one step."""
    version = mount / f"..{uuid.uuid4().hex}"
    version.mkdir(parents=True)
    shutil.copy(source, version / "keyring")
    (version / "keyring").chmod(0o440)
    (mount / "..data_tmp").symlink_to(version.name)
    os.replace(mount / "..data_tmp", mount / "..data")
    if not (mount / "keyring").is_symlink():
        (mount / "keyring").symlink_to("..data/keyring")


def test_a_mounted_ring_takes_mail_on_days_that_it_has_an_epoch_for(tmp_path):
    server = Sekisho(tmp_path)
    source, mount = server.folder / "source", server.folder / "mount"
    keys(server, "add", "--create", "--days", "1", ring="source")
    ring = json.loads(source.read_text())
    source.write_text(json.dumps({**ring, "epochs": {}}))
    publish(source, mount)
    server.config["keys"] = {"ring_file": str(mount / "keyring"), "mounted": True}
    server.write_config()
    mail = compose(TO["inside"])
    with server:
        with pytest.raises((smtplib.SMTPException, AssertionError), match="451|452"):
            send(server, mail, [TO["inside"]])
        assert "sekisho-keys add" in server.log(), "it says what to do"
        keys(server, "add", ring="source")
        publish(source, mount)
        mail_id = send(server, mail, [TO["inside"]])
        Cli(server, "hanako@example.jp").wait_state(mail_id, "delivered")
