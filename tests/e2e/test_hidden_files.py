"""Files within which other files travel unseen: held, since nobody can say what leaves, or read by what they hold."""
import io
import zipfile

import pytest

from harness.cli import Cli
from harness.smtp import compose, send

TO = "someone@shop.example"
SECRET = "社外秘"


def zipped(*entries, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, octets in entries:
            archive.writestr(name, octets)
    return buffer.getvalue()


def overlapping():
    """One content, listed a thousand times."""
    whole = zipped(("a", b"x" * 1000))
    central = whole.index(b"PK\1\2")
    end = whole.index(b"PK\5\6")
    directory = whole[central:end] * 1000
    tail = bytearray(whole[end:])
    tail[8:12] = (1000).to_bytes(2, "little") * 2
    tail[12:16] = len(directory).to_bytes(4, "little")
    return whole[:central] + directory + bytes(tail)


HELD = {
    "a CD image": ("a.iso", b"\0" * 32768 + b"\1CD001\1\0" + b"\0" * 4096),
    "a CD image under another name": ("a.txt", b"\0" * 32768 + b"\1CD001\1\0" + b"\0" * 4096),
    "a virtual disk": ("a.vhd", b"conectix" + b"\0\0\0\2" + bytes(2048)),
    "a virtual disk of the newer kind": ("a.vhdx", b"vhdxfile" + bytes(2048)),
    "OneNote": ("a.one", bytes.fromhex("E4525C7B8CD8A74DAEB15378D02996D3") + bytes(1024)),
    "RAR": ("a.rar", b"Rar!\x1a\x07\x01\x00" + bytes(100)),
    "LZH": ("a.lzh", b"\x20\x00-lh5-" + bytes(100)),
    "winmail.dat under another name": ("report.bin", b"\x78\x9f\x3e\x22" + bytes(100)),
    "HTML that builds a file": ("a.html", b"<html><script>new Blob([atob('TVo=')])</script></html>"),
    "entries that overlap": ("a.zip", overlapping()),
    "10,001 entries": ("a.zip", zipped(*[(f"{n}.txt", b"x") for n in range(10_001)])),
    "a CD image in an archive": ("a.zip", zipped(("b.iso", b"\0" * 32768 + b"\1CD001\1\0" + b"\0" * 4096))),
}


@pytest.mark.parametrize("what", HELD)
def test_it_is_held_as_unreadable(demo, hanako, what):
    mail_id = send(demo, compose(TO, attachments=[(HELD[what][0], "application/octet-stream", HELD[what][1])]), [TO])
    hanako.wait_state(mail_id, "held", 40)
    [hold] = [h for h in Cli(demo, "admin@example.jp").ask("hold", "list", "--all") if h["mail_id"] == mail_id]
    assert hold["class"] in ("unreadable", "error"), hold
    assert demo.sink.messages("outside", TO) == []


FOUND = {
    "in an archive in an archive": ("a.zip", zipped(("b.zip", zipped(("c.txt", SECRET.encode()))))),
    "the name of a file in an archive": ("a.zip", zipped((f"{SECRET}.txt", b"x"))),
    "behind a path that leaves the folder": ("a.zip", zipped(("../../etc/x.txt", SECRET.encode()))),
    "10,000 entries": ("a.zip", zipped(*[(f"{n}.txt", b"x") for n in range(9_999)], ("z.txt", SECRET.encode()))),
    "text that is called something else": ("a.bin", SECRET.encode("cp932") + b"\r\n"),
}


@pytest.mark.parametrize("what", FOUND)
def test_what_it_holds_is_found(demo, hanako, taro, what):
    mail_id = send(demo, compose(TO, attachments=[(FOUND[what][0], "application/octet-stream", FOUND[what][1])]), [TO])
    hanako.wait_state(mail_id, "awaiting_approval", 40)
    [approval] = taro.approvals(mail_id)
    assert "confidential-needs-superior" in [reason["rule"] for reason in approval["reasons"]]
