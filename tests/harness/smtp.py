"""Mails, senders, and a raw client that can misbehave."""
import contextlib
import email.message
import email.policy
import email.utils
import re
import smtplib
import socket
import ssl
import uuid

from harness.sekisho import DEMO, PASSWORD

MAIL_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def stamped(raw):
    """The mail with a Date and a Message-ID of its own in front."""
    stamp = f"Date: {email.utils.formatdate()}\r\nMessage-ID: <{uuid.uuid4()}@example.jp>\r\n"
    return stamp.encode() + raw


def demo_mail(name):
    return stamped((DEMO / f"mails/{name}.eml").read_bytes())


def compose(to, subject="連絡", text="本文です。\r\n", sender="hanako@example.jp", attachments=()):
    """A small mail as octets; `attachments` are (name, media type, octets)."""
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"] = sender
    message["To"] = to if isinstance(to, str) else ", ".join(to)
    message["Subject"] = subject
    message.set_content(text, charset="utf-8", cte="base64")
    for name, media_type, body in attachments:
        main, sub = media_type.split("/")
        message.add_attachment(body, maintype=main, subtype=sub, filename=name)
    return stamped(message.as_bytes())


def trust():
    return ssl.create_default_context(cafile=DEMO / "keys/demo-ca.pem")


@contextlib.contextmanager
def session(server, login="hanako@example.jp", password=PASSWORD, implicit_tls=False, relay=False):
    """A logged-in smtplib session; with `relay`, one to the relay listener instead."""
    if relay:
        client = smtplib.SMTP("127.0.0.1", server.door("relay"), timeout=30)
    elif implicit_tls:
        client = smtplib.SMTP_SSL("localhost", server.door("submissions"), timeout=30, context=trust())
    else:
        client = smtplib.SMTP("localhost", server.door("submission"), timeout=30)
        client.starttls(context=trust())
    with client:
        client.ehlo()
        if not relay and login:
            client.login(login, password)
        yield client


def send_in(client, raw, sender, recipients, mail_options=(), rcpt_options=()):
    """One transaction; returns the mail id of its 250."""
    code, reply = client.mail(sender, list(mail_options))
    assert code == 250, reply
    for recipient in recipients:
        code, reply = client.rcpt(recipient, list(rcpt_options))
        assert code == 250, reply
    code, reply = client.data(raw)
    assert code == 250, reply
    return MAIL_ID.search(reply.decode())[0]


def send(server, raw, recipients, sender="hanako@example.jp", **how):
    with session(server, **how) as client:
        return send_in(client, raw, sender, recipients)


class Wire:
    """A socket that says exactly the octets it is given."""

    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.pending = b""

    def __enter__(self):
        self.greeting = self.reply()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, octets):
        self.socket.sendall(octets)

    def reply(self):
        """One reply, all its lines; "" when the server closed."""
        lines = []
        while True:
            while b"\r\n" not in self.pending:
                try:
                    received = self.socket.recv(65536)
                except ConnectionResetError:
                    received = b""
                if not received:
                    return ""
                self.pending += received
            line, self.pending = self.pending.split(b"\r\n", 1)
            lines.append(line.decode())
            if line[3:4] != b"-":
                return "\n".join(lines)

    def ask(self, line):
        self.say(line.encode() + b"\r\n")
        return self.reply()

    def start_tls(self):
        context = ssl.create_default_context(cafile=DEMO / "keys/demo-ca.pem")
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def silent(self, seconds=0.5):
        """True when the server says nothing more for so long, and has not closed."""
        if self.pending:
            return False
        self.socket.settimeout(seconds)
        try:
            self.pending += self.socket.recv(65536)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(10)
