"""The demo's organisation as separate services on shared back ends (back_ends.py), with the face of harness.sekisho.Sekisho."""
import contextlib
import copy
import os
import random
import re
import signal

import yaml

from harness.authority import Authority
from harness.back_ends import Server
from harness.peers import SmtpSink
from harness.ports import free_port
from harness.sekisho import BIN, Sekisho, merge

SERVICES = ("intake", "policy", "approval", "encryption", "delivery", "ledger")


class Replica(Server):
    """One process of one service."""

    def __init__(self, service, number, folder, config_file):
        super().__init__(f"{service}-{number}", folder)
        self.service = service
        self.config_file = config_file
        self.rpc_port, self.metrics_port = free_port(), free_port()
        self.doors = {}  # an intake's: its listeners' ports

    def start(self, failpoints=""):
        """`failpoints` as in shared/base/failpoint.h."""
        self.spawn([BIN / f"sekisho-{self.service}", "--config", self.config_file, "--instance", self.name], cwd=self.folder,
                   env=dict(os.environ, SEKISHO_FAILPOINTS=failpoints))
        return self

    def stop(self, seconds=40.0):
        """SIGTERM; it must drain and exit with 0."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(seconds)
        self.process = None
        assert status == 0, f"{self.name}: exit status {status} after SIGTERM:\n{self.log()[-3000:]}"


class Distributed(Sekisho):
    """`replicas` of each service: {"policy": 2}; 1 where nothing is said. `partitions` of each topic."""

    def __init__(self, back_ends, folder, changes=None, hold="3m", replicas=None, partitions=4, ports=None):
        self.back_ends = back_ends
        self.tenancy = back_ends.make_tenancy()
        self.partitions = partitions
        self.replica_counts = {service: (replicas or {}).get(service, 1) for service in SERVICES}
        self.given_ports = ports or {}
        super().__init__(folder, changes, hold)

    # --- configuration ---

    def _demo_config(self):
        self.ports.update(self.given_ports)
        config = super()._demo_config()
        for key in ("sink", "rpc", "metrics"):
            del config[key]
        del config["storage"]["folder"]
        config = merge(config, self.tenancy)
        config["bus"]["kafka"]["topics"] = {"create": True, "partitions": self.partitions, "replication": 1, "min_insync": 1}
        config["bus"]["kafka"]["session"] = config["delivery"]["lease"] = "6s"
        authority = Authority(self.folder / "pki")
        self.ca_file = authority.file
        self.replicas = [Replica(service, number, self.folder / "run", self.config_file)
                         for service in SERVICES for number in range(self.replica_counts[service])]
        if self.given_ports:  # the rest follows the first
            for number, replica in enumerate(self.replicas):
                replica.rpc_port, replica.metrics_port = self.ports["rpc"] + number, self.ports["metrics"] + number
        self.ports["rpc"], self.ports["metrics"] = self.replicas[0].rpc_port, self.replicas[0].metrics_port
        pairs = {service: authority.server(service) for service in SERVICES}
        config["services"] = [
            {"name": r.service, "instance": r.name, "rpc_address": f"127.0.0.1:{r.rpc_port}",
             "metrics_address": f"127.0.0.1:{r.metrics_port}",
             "tls": {"certificate_file": str(pairs[r.service][0]), "key_file": str(pairs[r.service][1]),
                     "client_ca_file": str(authority.file)}} for r in self.replicas]
        self.sink_server = Server("sink", self.folder / "run")
        return config

    def write_config(self):
        super().write_config()
        first, *others = self.of("intake")
        listeners = [listener["name"] for listener in self.config["intake"]["listeners"]]
        first.doors = {name: self.ports[name] for name in listeners if name in self.ports}
        for replica in others:  # on one machine, each has doors of its own: the same configuration but for their ports
            replica.doors = replica.doors or {name: free_port() for name in listeners}
            config = copy.deepcopy(self.config)
            for listener in config["intake"]["listeners"]:
                listener["address"] = f"127.0.0.1:{replica.doors[listener['name']]}"
            replica.config_file = self.folder / f"{replica.name}.yaml"
            replica.config_file.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf-8")

    def of(self, service):
        return [replica for replica in self.replicas if replica.service == service]

    def any_of(self, service):
        """One of the replicas that are said to run; which, is chance."""
        replicas = self.of(service)
        return random.choice([r for r in replicas if r.process] or replicas)

    def rpc_port(self, package):
        return self.any_of(package).rpc_port

    def door(self, listener):
        return self.any_of("intake").doors[listener]

    # --- the processes ---

    def start(self, seconds=60.0):
        world = self.folder / "world"
        self.sink_server.spawn([BIN / "sekisho-sink", world, f"127.0.0.1:{self.ports['inside']}",
                                f"127.0.0.1:{self.ports['outside']}"])
        for replica in self.replicas:
            replica.start()
        for replica in self.replicas:
            replica.wait(lambda replica=replica: self.http("/readyz", replica)[0] == 200, seconds)
        self.process = self.of("intake")[0].process
        return self

    def stop(self, seconds=40.0):
        if self.process is None:
            return
        self.check_silence()
        for replica in self.replicas:
            replica.stop(seconds)
        self.process = None
        self.check_silence()
        assert self.sink_server.end() == 0, "the sink stops when it is told to"

    def kill(self):
        for server in [*self.replicas, self.sink_server]:
            server.kill()
        self.process = None

    # --- what it shows ---

    def log(self):
        return "".join(server.log() for server in [*self.replicas, self.sink_server])

    def http(self, path, replica=None):
        """As Sekisho.http, of one replica; of all together when none is named: the worst status, the bodies in a row."""
        if replica is None:
            answers = [self.http(path, one) for one in self.replicas]
            return max(status or 599 for status, _ in answers), "".join(body for _, body in answers)
        port, self.ports["metrics"] = self.ports["metrics"], replica.metrics_port
        try:
            return super().http(path)
        finally:
            self.ports["metrics"] = port

    def count_rows(self, schema, table):
        conninfo = self.tenancy["storage"]["postgres"]["conninfo"]
        return int(self.back_ends.postgres.sql(f"SELECT COUNT(*) FROM {schema}.{table}", conninfo.rpartition("dbname=")[2]))

    def stored(self):
        """As Sekisho.stored: the files of the database server and the broker, of every server that uses them; our objects."""
        back = self.back_ends
        back.postgres.sql("CHECKPOINT")
        files = [file for part in ("base", "pg_wal") for file in (back.postgres.data / part).rglob("*")]
        octets = {}
        for file in [*files, *(back.kafka.folder / "log").rglob("*.log")]:
            with contextlib.suppress(FileNotFoundError):  # the servers go on
                if file.is_file():
                    octets[str(file)] = re.sub(rb"\0{64,}", b"\0", file.read_bytes())  # what was never written
        objects, bucket = back.objects.client(), self.tenancy["storage"]["s3"]["bucket"]
        for item in objects.list_objects_v2(Bucket=bucket).get("Contents", []):
            octets[f"object {item['Key']}"] = objects.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        return octets


@contextlib.contextmanager
def serve(back_ends, folder, **options):
    """The server and, outside it, the one next hop for everything: `server.world`."""
    with SmtpSink(folder / "taken") as sink:
        server = Distributed(back_ends, folder / "sekisho", hold="1s", **options)
        routes = [{"name": "world", "domains": ["*"], "next_hop": f"127.0.0.1:{sink.port}", "tls": "NONE"}]
        server.config["delivery"].update(routes=routes, first_retry="200ms", max_retry="1s")
        server.write_config()
        server.world = sink
        try:
            yield server.start()
        finally:
            server.kill()
