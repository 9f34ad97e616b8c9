"""Sekisho as separate processes on a real broker, database and object store, under the same load; and one mail's way."""
import asyncio
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import threading
import time

from load import SESSIONS, SIZE, children_cpu, listening, source
from sekisho import RECIPIENT, ROOT, Sekisho

sys.path.insert(0, str(ROOT / "tests"))

from harness import back_ends as real  # noqa: E402
from harness.authority import Authority  # noqa: E402
from harness.distributed import SERVICES, Replica  # noqa: E402

real.Postgres.SETTINGS = {"max_connections": 300, "shared_buffers": "512MB", "max_wal_size": "4GB", "wal_buffers": "16MB"}
real.Kafka.JAVA = ["-Xms768m", "-Xmx768m", "-XX:+UseG1GC"]
SETTINGS = "PostgreSQL: shared_buffers 512 MB, max_wal_size 4 GB, fsync on; Kafka: heap 768 MB, G1; both else as they come"
MESSAGE_ID = re.compile(rb"^Message-ID: <(\d+)\.way@example\.jp>", re.MULTILINE | re.IGNORECASE)
PARTITIONS = 8


class Distributed(Sekisho):
    """`replicas` of each service, as {"policy": 2}; 1 where nothing is said."""

    def __init__(self, back_ends, folder, mode, replicas=None):
        super().__init__(folder, mode)
        self.folder = self.folder.resolve()
        self.back_ends = back_ends
        config = self.config
        for key in ("storage", "rpc", "metrics", "log"):
            del config[key]
        config |= back_ends.make_tenancy()
        config["bus"]["kafka"]["topics"] = {"create": True, "partitions": PARTITIONS, "replication": 1, "min_insync": 1}
        authority = Authority(self.folder / "pki")
        self.replicas = [Replica(service, number, self.folder, self.folder / "sekisho.yaml")
                         for service in SERVICES for number in range((replicas or {}).get(service, 1))]
        pairs = {service: authority.server(service) for service in SERVICES}
        config["services"] = [
            {"name": r.service, "instance": r.name, "rpc_address": f"127.0.0.1:{r.rpc_port}", "metrics_address": f"127.0.0.1:{r.metrics_port}",
             "tls": {"certificate_file": str(pairs[r.service][0]), "key_file": str(pairs[r.service][1]), "client_ca_file": str(authority.file)}}
            for r in self.replicas]
        self._write("sekisho.yaml", config)

    def __enter__(self):
        for replica in self.replicas:
            replica.start()
        for replica in self.replicas:
            self.metrics = replica.metrics_port
            replica.wait(self._ready)
        self.metrics = next(r.metrics_port for r in self.replicas if r.service == "approval")
        return self

    def __exit__(self, *_):
        for replica in self.replicas:
            replica.process.send_signal(signal.SIGTERM)
        for replica in self.replicas:
            replica.end()

    def cpu_of_each(self):
        servers = {"postgres": self.back_ends.postgres, "kafka": self.back_ends.kafka, "objects": self.back_ends.objects}
        return {name: children_cpu(server.process.pid) for name, server in ({r.name: r for r in self.replicas} | servers).items()}

    def load(self, count):
        """(mails per second, {process: CPU ms a mail}, {process: cores busy})."""
        recipient = RECIPIENT.get(self.mode, "b@dest.example")
        with CountingSink(self.sink) as sink:
            warm_up = 4 * SESSIONS
            source(self.relay, warm_up, recipient)
            sink.wait(warm_up)
            time.sleep(2)  # for the journal
            os.sync()
            before, began = self.cpu_of_each(), time.monotonic()
            source(self.relay, count, recipient)
            sink.wait(warm_up + count)
            elapsed, after = time.monotonic() - began, self.cpu_of_each()
            time.sleep(2)  # what follows the last delivery is part of its cost
            last = self.cpu_of_each()
        if self.held():
            raise RuntimeError(f"{self.mode}: {self.held()} mails were held: what the sink got are notices")
        return (count / elapsed, {name: (last[name] - before[name]) * 1000 / count for name in last},
                {name: (after[name] - before[name]) / elapsed for name in after})


class CountingSink:
    """smtp-sink that stays, and says how many mails it has: a next hop that goes away between two loads puts mail off."""

    def __init__(self, port):
        self.command = ["smtp-sink", "-c", "-u", "nobody", f"127.0.0.1:{port}", "1000"]
        self.port, self.mails = port, 0

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        listening(self.port)
        return self

    def _read(self):
        while said := os.read(self.process.stdout.fileno(), 1 << 16):
            if counts := re.findall(rb"mesg=(\d+)", said):
                self.mails = int(counts[-1])

    def wait(self, mails, seconds=300):
        deadline = time.monotonic() + seconds
        while self.mails < mails:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.mails} of {mails} mails came within {seconds} s")
            time.sleep(0.01)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.reader.join()


class Way:
    """Mails at an even pace, whether or not those before them came: from the 250 at intake to the 250 of the next hop."""

    def __init__(self, relay, sink):
        self.relay, self.sink = relay, sink
        self.accepted, self.arrived = {}, {}

    async def _take(self, reader, writer):
        def say(line):
            writer.write(line + b"\r\n")
        say(b"220 sink")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                say(b"354 go on")
                text = await reader.readuntil(b"\r\n.\r\n")
                say(b"250 taken")
                if found := MESSAGE_ID.search(text):
                    self.arrived.setdefault(int(found[1]), time.monotonic())
            elif verb == b"QUIT":
                say(b"221 bye")
                break
            else:
                say(b"250 ok")
            await writer.drain()
        writer.close()

    async def _send(self, number, text):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.relay)

        async def expect(code):
            while (line := await reader.readline())[3:4] == b"-":
                pass
            if not line.startswith(code):
                raise RuntimeError(f"intake answers {line!r}")
        await expect(b"220")
        for line, code in ((b"EHLO load.example", b"250"), (b"MAIL FROM:<app@example.jp>", b"250"),
                           (b"RCPT TO:<b@dest.example>", b"250"), (b"DATA", b"354")):
            writer.write(line + b"\r\n")
            await expect(code)
        writer.write(b"From: app@example.jp\r\nTo: b@dest.example\r\nSubject: way\r\nMessage-ID: <%d.way@example.jp>\r\n\r\n" % number + text + b".\r\n")
        await expect(b"250")
        self.accepted[number] = time.monotonic()
        writer.write(b"QUIT\r\n")
        writer.close()

    async def run(self, rate, seconds, warm_up):
        """Milliseconds of each mail after the warm-up."""
        server = await asyncio.start_server(self._take, "127.0.0.1", self.sink, limit=1 << 20, backlog=1000)
        text = (b"X" * 62 + b"\r\n") * (SIZE // 64)
        began, tasks, count = time.monotonic(), [], rate * (seconds + warm_up)
        for number in range(count):
            await asyncio.sleep(max(0, began + number / rate - time.monotonic()))
            tasks.append(asyncio.create_task(self._send(number, text)))
        await asyncio.gather(*tasks)
        deadline = time.monotonic() + 120
        while len(self.arrived) < count and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        server.close()
        if len(self.arrived) < count:
            raise RuntimeError(f"{count - len(self.arrived)} of {count} mails did not arrive within two minutes")
        return sorted(1000 * (self.arrived[n] - self.accepted[n]) for n in range(rate * warm_up, count))


def rounded(values):
    return {name: round(value, 3) for name, value in values.items()}


def measure_rate(back_ends, folder, mode, count, replicas=None):
    with Distributed(back_ends, folder, mode, replicas) as server:
        rate, each, busy = server.load(count)
    return {"mails_per_second": rate, "cpu_seconds_per_1000": sum(each.values()), "cpu_ms_a_mail": rounded(each), "cores_busy": rounded(busy),
            "cores_busy_in_all": sum(busy.values()), "load_average": os.getloadavg()[0]}


def measure_way(back_ends, folder, rate=50, seconds=30, replicas=None):
    with Distributed(back_ends, folder, "plain", replicas) as server:
        before, began = server.cpu_of_each(), time.monotonic()
        took = asyncio.run(Way(server.relay, server.sink).run(rate, seconds, 10))
        busy = {name: (cpu - before[name]) / (time.monotonic() - began) for name, cpu in server.cpu_of_each().items()}
    at = lambda share: took[min(len(took) - 1, int(share * len(took)))]  # noqa: E731
    return {"mails_per_second": rate, "mails": len(took), "p50_ms": statistics.median(took), "p95_ms": at(0.95), "p99_ms": at(0.99),
            "most_ms": took[-1], "goal_p50_ms": 60, "goal_p99_ms": 250, "cores_busy": rounded(busy), "load_average": os.getloadavg()[0]}
