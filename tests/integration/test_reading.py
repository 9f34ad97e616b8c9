"""社外秘, however a client writes it: policy reads every Japanese encoding and disguise, in each place."""
import base64
import quopri
import urllib.parse

import pytest

from harness.smtp import send, stamped

TO = "someone@shop.example"
WORD = "社外秘"


def mail(headers=b"Subject: report\r\n", content_type=b"text/plain; charset=utf-8", encoding=b"base64", body=b""):
    body = {b"base64": lambda: base64.encodebytes(body).replace(b"\n", b"\r\n"),
            b"quoted-printable": lambda: quopri.encodestring(body).replace(b"\n", b"\r\n")}.get(encoding, lambda: body)()
    return stamped(b"From: hanako@example.jp\r\nTo: " + TO.encode() + b"\r\n" + headers + b"MIME-Version: 1.0\r\nContent-Type: " + content_type +
                   b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body + b"\r\n")


def attached(disposition, content_type=b"text/plain", body=b"x"):
    return stamped(b"From: hanako@example.jp\r\nTo: " + TO.encode() + b"\r\nSubject: report\r\nMIME-Version: 1.0\r\n"
                   b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee the file\r\n--b\r\nContent-Type: ' +
                   content_type + b"\r\nContent-Disposition: attachment" + disposition +
                   b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(body) + b"\r\n--b--\r\n")


def word(text, charset, how="B"):
    octets = text.encode(charset)
    coded = base64.b64encode(octets).decode() if how == "B" else "".join(f"={b:02X}" for b in octets)
    return f"=?{charset}?{how}?{coded}?=".encode()


def subject(octets):
    return mail(headers=b"Subject: " + octets + b"\r\n", body=b"nothing here")


PERCENT = urllib.parse.quote(WORD).encode()
FOUND = {
    "body utf-8 base64": mail(body=f"この資料は{WORD}です。".encode()),
    "body utf-8 quoted-printable": mail(encoding=b"quoted-printable", body=f"これは{WORD}です".encode()),
    "body iso-2022-jp": mail(content_type=b"text/plain; charset=ISO-2022-JP", encoding=b"7bit", body=f"これは{WORD}です".encode("iso-2022-jp")),
    "body shift_jis": mail(content_type=b"text/plain; charset=Shift_JIS", body=f"これは{WORD}です①".encode("cp932")),
    "body euc-jp": mail(content_type=b"text/plain; charset=EUC-JP", body=f"これは{WORD}です".encode("euc-jp")),
    "body utf-16": mail(content_type=b"text/plain; charset=UTF-16", body=f"これは{WORD}です".encode("utf-16")),
    "a charset that lies": mail(content_type=b"text/plain; charset=us-ascii", body=f"これは{WORD}です".encode("cp932")),
    "full-width letters": mail(body="ｃｏｎｆｉｄｅｎｔｉａｌ".encode()),
    "mixed case": mail(body=b"this is ConFidential stuff"),
    "zero-width characters between": mail(body="社\u200b外\u2060秘".encode()),
    "html with tags between": mail(content_type=b"text/html; charset=utf-8", body="<p>社<b>外</b>秘</p>".encode()),
    "html entities": mail(content_type=b"text/html; charset=utf-8", body=b"<p>&#31038;&#22806;&#31192;</p>"),
    "subject B utf-8": subject(word(WORD, "utf-8")),
    "subject Q utf-8": subject(word(WORD, "utf-8", "Q")),
    "subject iso-2022-jp": subject(word(WORD, "iso-2022-jp")),
    "subject split in two words": subject(word(WORD[:1], "utf-8") + b"\r\n " + word(WORD[1:], "utf-8")),
    "name RFC 2231": attached(b"; filename*=utf-8''" + PERCENT + b".txt"),
    "name RFC 2231 in pieces": attached(b";\r\n filename*0*=utf-8''" + PERCENT[:9] + b";\r\n filename*1*=" + PERCENT[9:] + b";\r\n filename*2=.txt"),
    "name as an encoded word": attached(b'; filename="' + word(WORD + ".txt", "iso-2022-jp") + b'"'),
    "name only in Content-Type": attached(b"", b'text/plain; name="' + word(WORD + ".txt", "utf-8") + b'"'),
}


@pytest.mark.parametrize("form", FOUND)
def test_it_is_found(demo, hanako, taro, form):
    mail_id = send(demo, FOUND[form], [TO])
    hanako.wait_state(mail_id, "awaiting_approval")
    [approval] = taro.approvals(mail_id)
    assert "confidential-needs-superior" in [reason["rule"] for reason in approval["reasons"]]


@pytest.mark.parametrize("innocent", ["社外の秘書", "confidence", "秘外社"])
def test_other_words_are_not(demo, hanako, innocent):
    mail_id = send(demo, mail(body=innocent.encode()), [TO])
    hanako.wait_state(mail_id, "held")
