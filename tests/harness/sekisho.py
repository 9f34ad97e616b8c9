"""One standalone process on free ports, with a folder of its own."""
import contextlib
import copy
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import urllib.error
import urllib.request

import yaml

from harness.maildir import Maildir
from harness.ports import free_ports
from harness.waiting import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SEKISHO_BIN", ROOT / "build/release/bin")).resolve()
DEMO = ROOT / "examples/demo"
PASSWORD = "sekisho-demo"
ADDRESS = re.compile(r"[A-Za-z0-9._+-]{2,}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def merge(base, changes):
    """`base` with `changes` laid over it, level by level; None deletes a key; a list goes in front of the list that is there."""
    merged = copy.deepcopy(base)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        elif isinstance(value, list):
            merged[key] = copy.deepcopy(value) + merged.get(key, [])
        else:
            merged[key] = value
    return merged


class Sekisho:
    """The demo's organisation, in `folder`. `changes` are laid over the demo's configuration, `hold` replaces the 3 minutes."""

    ca_file = None  # of the gRPC server's certificate

    def __init__(self, folder, changes=None, hold="3m"):
        self.folder = pathlib.Path(folder).resolve()
        self.log_file = self.folder / "sekisho.log"
        self.process = None
        self.canaries = {PASSWORD}
        names = ("submission", "submissions", "relay", "rpc", "metrics", "inside", "outside")
        self.ports = dict(zip(names, free_ports(len(names))))
        self.policy_file = self.folder / "policy.yaml"
        self.directory_file = self.folder / "directory.yaml"
        self.config_file = self.folder / "sekisho.yaml"
        self._lay_out_demo(hold)
        self.config = merge(self._demo_config(), changes or {})
        self.write_config()
        self.sink = Maildir(self.folder / "world")

    def _lay_out_demo(self, hold):
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(DEMO / "keys", self.folder / "keys", dirs_exist_ok=True)
        for key in (self.folder / "keys").glob("*.key"):
            key.chmod(0o600)  # git keeps no such mode
        shutil.copy(DEMO / "directory.yaml", self.directory_file)
        policy = (DEMO / "policy.yaml").read_text(encoding="utf-8")
        self.policy_file.write_text(policy.replace("hold_for: 3m", f"hold_for: {hold}"), encoding="utf-8")

    def _demo_config(self):
        text = (DEMO / "sekisho.yaml").read_text(encoding="utf-8")
        names = {"5587": "submission", "5465": "submissions", "5025": "relay", "50051": "rpc", "9464": "metrics", "5825": "inside",
                 "5925": "outside"}
        # All at once: a free port may begin like one of the demo's.
        text = re.sub(r"127\.0\.0\.1:(\d+)", lambda match: f"127.0.0.1:{self.ports[names[match[1]]]}", text)
        text = text.replace("examples/demo/", f"{self.folder}/").replace("var/demo/", f"{self.folder}/")
        config = yaml.safe_load(text)
        config["sink"]["folder"] = str(self.folder / "world")
        return config

    def write_config(self):
        self.config_file.write_text(yaml.safe_dump(self.config, allow_unicode=True, sort_keys=False), encoding="utf-8")

    # --- the process ---

    def start(self, seconds=10.0):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([BIN / "sekisho-standalone", "--config", self.config_file], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"it exited with {self.process.returncode}:\n{self.log()[-3000:]}")
            return self.http("/readyz")[0] == 200
        until(ready, "ready", seconds)
        return self

    def stop(self, seconds=40.0):
        """SIGTERM; it must drain and exit with 0."""
        if self.process is None:
            return
        self.check_silence()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(seconds)
        self.process = None
        assert status == 0, f"exit status {status} after SIGTERM:\n{self.log()[-3000:]}"
        self.check_silence()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.process is None:
            return
        if kind is None:
            self.stop()
        else:
            print(f"--- log of the failed test's server\n{self.log()[-6000:]}")
            self.kill()

    def rpc_port(self, package):
        """Where a gRPC package ("intake") is answered."""
        return self.ports["rpc"]

    def door(self, listener):
        """The port of intake's listener."""
        return self.ports[listener]

    # --- what it shows ---

    def log(self):
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    def http(self, path):
        """(status, body) of a GET on the metrics port; (0, "") when nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['metrics']}{path}", timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name):
        """The sum of a metric's samples over its labels."""
        samples = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)", self.http("/metrics")[1], re.MULTILINE)
        return sum(map(float, samples))

    def check_silence(self):
        """No secret, no content and no address in the log or the metrics."""
        for where, text in (("log", self.log()), ("metrics", self.http("/metrics")[1] if self.process else "")):
            for canary in self.canaries:
                assert canary not in text, f"{canary!r} is in the {where}"
            address = ADDRESS.search(text)
            assert not address, f"an address is in the {where}: {text[max(0, address.start() - 200):address.end() + 100]}"

    def count_rows(self, schema, table):
        with contextlib.closing(sqlite3.connect(f"file:{self.config['storage']['folder']}/sekisho.db?mode=ro", uri=True)) as database:
            return database.execute(f"SELECT COUNT(*) FROM {schema}_{table}").fetchone()[0]

    def stored(self):
        """{where: octets} of all that is at rest."""
        folder = pathlib.Path(self.config["storage"]["folder"])
        return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    def check_rest(self):
        """Nothing that is marked as a canary lies readable at rest."""
        for where, octets in self.stored().items():
            for canary in self.canaries:
                assert canary.encode() not in octets, f"{canary!r} lies readable in {where}"
