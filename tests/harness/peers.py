"""Next hops that nobody here wrote."""
import collections
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from harness.ports import free_ports
from harness.waiting import until

Received = collections.namedtuple("Received", "mail_from mail_options recipients rcpt_options content tls")


def can_connect(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class AioPeer:
    """aiosmtpd as a next hop. `on_rcpt(recipient, attempt)` and `on_data(recipients, attempt)` return a reply or None for 250;
    attempts count from 1 for each recipient (or first recipient)."""

    def __init__(self, on_rcpt=lambda *_: None, on_data=lambda *_: None, tls=None, require_tls=False, **options):
        self.on_rcpt, self.on_data = on_rcpt, on_data
        self.received = []
        self.attempts = collections.Counter()
        self._lock = threading.Lock()
        context = None
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*tls)
        [self.port] = free_ports(1)
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=10,
                                      server_kwargs=dict(tls_context=context, require_starttls=require_tls,
                                                         enable_SMTPUTF8=True, data_size_limit=100 << 20, **options))
        self._controller.factory = lambda: SMTP(self, **self._controller.SMTP_kwargs)

    async def handle_RCPT(self, server, session, envelope, address, options):
        with self._lock:
            self.attempts[address] += 1
            reply = self.on_rcpt(address, self.attempts[address])
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.append(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        with self._lock:
            key = ("data", envelope.rcpt_tos[0])
            self.attempts[key] += 1
            reply = self.on_data(envelope.rcpt_tos, self.attempts[key])
            if not reply:
                self.received.append(Received(envelope.mail_from, list(envelope.mail_options), list(envelope.rcpt_tos),
                                              list(envelope.rcpt_options), envelope.original_content, session.ssl is not None))
        return reply or "250 2.0.0 OK"

    def wait(self, count=1, seconds=20):
        until(lambda: len(self.received) >= count, f"{count} mails at the next hop", seconds)
        return self.received

    def __enter__(self):
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop()


class SmtpSink:
    """Postfix's smtp-sink: takes all, keeps each mail as a file."""

    def __init__(self, folder):
        [self.port] = free_ports(1)
        self.folder = pathlib.Path(folder)

    def __enter__(self):
        self.folder.mkdir(parents=True)
        user = []
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            for parent in list(self.folder.parents)[:3]:
                parent.chmod(parent.stat().st_mode | 0o011)
            user = ["-u", "nobody"]
        self.process = subprocess.Popen(["smtp-sink", *user, "-d", f"{self.folder}/%M.", f"127.0.0.1:{self.port}", "1000"])
        until(lambda: can_connect(self.port), "smtp-sink listens")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def mails(self):
        """The octets of each mail it took, with smtp-sink's own X- lines in front."""
        until(lambda: not self._writes(), "smtp-sink, which says 250 first, has written its files")
        return [f.read_bytes() for f in self.folder.iterdir() if f.stat().st_size]

    def _writes(self):
        files = pathlib.Path(f"/proc/{self.process.pid}/fd")
        return any(os.readlink(fd).startswith(f"{self.folder.resolve()}/") for fd in files.iterdir() if os.path.lexists(fd))


class PostfixAndDovecot:
    """Postfix that takes mail for `domain` into Maildirs, and Dovecot that serves them by IMAP. An instance of its own: own
    configuration, folders and ports; never the system's. Postfix's master wants root."""

    def __init__(self, folder, domain, users, certificate, key):
        self.folder, self.domain, self.users = pathlib.Path(folder), domain, users
        self.certificate, self.key = certificate, key
        self.port, self.imap_port = free_ports(2)
        self.master = self.dovecot = None

    def __enter__(self):
        assert os.getuid() == 0, "Postfix's master process wants root"
        self.folder.mkdir(parents=True)
        for parent in [self.folder, *list(self.folder.parents)[:3]]:
            parent.chmod(parent.stat().st_mode | 0o055)
        try:
            self._start_postfix()
            self._start_dovecot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_postfix(self):
        conf, spool, data, boxes = (self.folder / n for n in ("postfix", "spool", "data", "boxes"))
        for each in (conf, spool, data, boxes):
            each.mkdir()
        shutil.chown(data, "postfix")
        shutil.chown(boxes, "nobody", "nogroup")
        (conf / "boxes").write_text("".join(f"{u}@{self.domain} {self.domain}/{u}/\n" for u in self.users))
        nobody = pwd.getpwnam("nobody")
        (conf / "main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {spool}
data_directory = {data}
config_directory = {conf}
maillog_file = {self.folder}/maillog
maillog_file_prefixes = {self.folder}
myhostname = mx.{self.domain}
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtputf8_enable = yes
virtual_mailbox_domains = {self.domain}
virtual_mailbox_base = {boxes}
virtual_mailbox_maps = texthash:{conf}/boxes
virtual_uid_maps = static:{nobody.pw_uid}
virtual_gid_maps = static:{nobody.pw_gid}
virtual_minimum_uid = 100
virtual_mailbox_limit = 0
message_size_limit = 104857600
smtpd_tls_security_level = may
smtpd_tls_cert_file = {self.certificate}
smtpd_tls_key_file = {self.key}
smtpd_tls_received_header = yes
""")
        services = [f"127.0.0.1:{self.port} inet n - n - - smtpd", "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup",
                    "qmgr unix n - n 300 1 qmgr", "tlsmgr unix - - n 1000? 1 tlsmgr", "rewrite unix - - n - - trivial-rewrite",
                    "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
                    "verify unix - - n - 1 verify", "flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap",
                    "smtp unix - - n - - smtp", "error unix - - n - - error", "retry unix - - n - - error",
                    "virtual unix - n n - - virtual", "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache",
                    "showq unix n - n - - showq", "postlog unix-dgram n - n - 1 postlogd"]
        (conf / "master.cf").write_text("\n".join(services) + "\n")
        done = subprocess.run(["postfix", "-c", conf, "start"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        self.master = int((spool / "pid/master.pid").read_text())
        until(lambda: can_connect(self.port), "Postfix listens")

    def _start_dovecot(self):
        run = self.folder / "dovecot"
        run.mkdir()
        (run / "users").write_text("".join(f"{u}@{self.domain}:{{PLAIN}}imap-password\n" for u in self.users))
        (run / "dovecot.conf").write_text(f"""base_dir = {run}/run
state_dir = {run}/state
log_path = {run}/log
protocols = imap
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
mail_location = maildir:{self.folder}/boxes/%d/%n
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = {run}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={run}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
""")
        self.dovecot = subprocess.Popen(["dovecot", "-F", "-c", run / "dovecot.conf"], stdout=subprocess.DEVNULL,
                                        stderr=open(run / "stderr", "wb"))
        until(lambda: can_connect(self.imap_port), "Dovecot listens")

    def __exit__(self, *_):
        if self.dovecot:
            self.dovecot.terminate()
            self.dovecot.wait(20)
        if self.master:
            subprocess.run(["postfix", "-c", self.folder / "postfix", "stop"], capture_output=True)
            with contextlib.suppress(AssertionError):
                until(lambda: not os.path.exists(f"/proc/{self.master}"), "Postfix is gone")
                return
            os.killpg(self.master, signal.SIGKILL)

    def log(self):
        log = self.folder / "maillog"
        return log.read_text() if log.exists() else ""


class RawPeer:
    """A next hop that follows a script: `behave(conversation, attempt)` is called for each connection, attempts count from 1."""

    def __init__(self, behave):
        self.behave = behave
        self.attempts = 0
        self.taken = []  # the octets of each DATA that `take` read
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.attempts += 1
            threading.Thread(target=self._converse, args=(connection, self.attempts), daemon=True).start()

    def _converse(self, connection, attempt):
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            connection.settimeout(60)
            self.behave(Conversation(self, connection, lines), attempt)


class Conversation:
    """One connection to a RawPeer."""

    def __init__(self, peer, connection, lines):
        self.peer, self.connection, self.lines = peer, connection, lines

    def say(self, reply):
        self.connection.sendall(reply.encode() + b"\r\n")

    def hear(self):
        """The next command's verb; "" when the client closed."""
        return self.lines.readline().decode(errors="replace").strip().upper()[:4]

    def until_data(self):
        """Takes everything up to DATA and says 354."""
        self.say("220 raw.example ESMTP")
        while verb := self.hear():
            if verb == "DATA":
                return self.say("354 go on")
            self.say("221 bye" if verb == "QUIT" else "250 OK")

    def take(self):
        """Reads the mail to its dot and keeps it."""
        mail = b""
        while not mail.endswith(b"\r\n.\r\n"):
            line = self.lines.readline()
            if not line:
                return
            mail += line
        self.peer.taken.append(mail)

    def accept(self):
        """A peer that behaves: takes one mail."""
        self.until_data()
        self.take()
        self.say("250 2.0.0 taken")
        self.hear()

    def wait_for_close(self):
        while self.lines.readline():
            pass
