"""Sekisho standalone as it is measured: a relay listener, one next hop, and the policy of the load."""
import email.message
import email.policy
import pathlib
import random
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

import yaml

from load import cpu, free_ports, timed_load

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = ROOT / "build/release/bin/sekisho-standalone"
KEYS = ROOT / "examples/demo/keys"
RECIPIENT = {"smime": "sato@partner.example"}  # whose certificate the demo has
PNG_HEADER = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\4\0\0\0\4\0\x08\2\0\0\0"
WORDS = ["見積", "契約", "原価", "顧客", "名簿", "個人", "給与", "人事", "図面", "仕様", "特許", "設計", "試作", "極秘", "機密", "社外", "内部", "監査", "決算", "予算"]


def policy(mode):
    """50 rules with 200 keywords in all, none of which the load contains, and one that asks for the mode."""
    rules = [{"id": f"keywords-{n}", "reason": {"ja": "語が含まれています。", "en": "A word was found."}, "when": {"content": {"keywords": [
        f"{WORDS[(n + k) % 20]}{WORDS[(n * 7 + k * 3) % 20]}書{n}" if k % 2 else f"project-{n}-{k} restricted" for k in range(4)]}},
        "then": {"approval": {"expire_after": "3d"}}} for n in range(50)]
    asked = {"accept-only": {"hold_for": "1h"}, "smime": {"smime_sign": True, "smime_encrypt": True},
             "zip": {"attachments": "ATTACHMENT_SEAL_ZIP_AES256"}}
    rules.append({"id": "the-mode", "when": {"recipient": {"scope": ["EXTERNAL"]}}, "then": asked.get(mode, {"pass": True})})
    return {"name": "bench", "rules": rules}


def mail_with_attachment(file, octets, line_end="\r\n"):
    """A mail with an image of `octets` that compresses about as well as office files do. smtp-source wants its file with LF."""
    rng = random.Random(4)
    body = PNG_HEADER + b"".join(rng.randbytes(48) + b"\0" * 16 for _ in range(octets // 64))
    message = email.message.EmailMessage(policy=email.policy.SMTP.clone(linesep=line_end))
    message["From"], message["To"], message["Subject"] = "app@example.jp", "b@dest.example", "bench"
    message["Date"], message["Message-ID"] = "Mon, 02 Nov 2026 10:00:00 +0900", "<bench@example.jp>"
    message.set_content("bench\n")
    message.add_attachment(body, maintype="image", subtype="png", filename="図面.png")
    file.write_bytes(message.as_bytes())
    return body


class Sekisho:
    def __init__(self, folder, mode):
        self.folder, self.mode = pathlib.Path(folder), mode
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.relay, self.sink, self.rpc, self.metrics = free_ports(4)
        self._write("policy.yaml", policy(mode))
        self._write("directory.yaml", {"users": [{"login": "app@example.jp", "roles": ["sender"], "disabled": True}]})
        (self.folder / "password").write_text("0123456789abcdef")
        (self.folder / "password").chmod(0o600)
        shutil.copytree(KEYS, self.folder / "keys")
        for key in (self.folder / "keys").glob("*.key"):
            key.chmod(0o600)
        config = {
            "organization": {"id": "bench", "domains": ["example.jp"], "hostname": "gw.example.jp"},
            "storage": {"folder": "data"}, "keys": {"ring_file": "keyring", "create": True}, "directory_file": "directory.yaml",
            "intake": {"listeners": [{"name": "relay", "address": f"127.0.0.1:{self.relay}", "kind": "RELAY", "relay": {"hosts": ["127.0.0.1"]}}]},
            "policy": {"file": "policy.yaml"},
            "delivery": {"routes": [{"name": "sink", "domains": ["*"], "next_hop": f"127.0.0.1:{self.sink}", "tls": "NONE"}],
                         "max_connections_per_destination": 50},
            "rpc": {"address": f"127.0.0.1:{self.rpc}"}, "metrics": {"address": f"127.0.0.1:{self.metrics}"},
            "log": {"file": "sekisho.log"},
        }
        if mode == "dkim":
            config["delivery"]["dkim"] = {"keys": [{"domain": "example.jp", "selector": "bench", "key_file": "keys/dkim-rsa.key"}]}
        if mode in ("smime", "zip"):
            config["encryption"] = {"trust_file": "keys/demo-ca.pem", "certificate_files": ["keys/partner.pem"],
                                    "organization_signer": {"certificate_file": "keys/organization.pem", "key_file": "keys/organization.key"},
                                    "agreed_passwords": [{"recipient": "dest.example", "password_file": "password"}]}
        self.config = config
        self._write("sekisho.yaml", config)

    def _write(self, name, value):
        (self.folder / name).write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")

    def __enter__(self):
        began = time.monotonic()
        with open(self.folder / "output", "wb") as output:
            self.process = subprocess.Popen([BINARY, "--config", "sekisho.yaml"], cwd=self.folder, stdout=output, stderr=output)
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() - began > 60:
                raise RuntimeError(f"sekisho is not ready; see {self.folder}/output and sekisho.log")
            time.sleep(0.002)
        self.seconds_to_ready = time.monotonic() - began
        return self

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/readyz", timeout=2) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def cpu(self):
        return cpu(self.process.pid)

    def memory(self, key):
        """VmRSS or VmHWM in MiB."""
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(key)

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def load(self, count, mail_file=None):
        sink = None if self.mode == "accept-only" else self.sink
        result = timed_load(self.relay, sink, count, self.cpu, RECIPIENT.get(self.mode, "b@dest.example"), mail_file)
        if sink and self.held():
            raise RuntimeError(f"{self.mode}: {self.held()} mails were held: what the sink got are notices")
        return result

    def held(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=30) as reply:
            lines = reply.read().decode().splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith("sekisho_approval_held_total"))
