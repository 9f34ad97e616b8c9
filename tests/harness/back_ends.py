"""The servers that separate services share: PostgreSQL, Kafka, an S3-compatible object store (moto), each started and ended
here, on free ports of 127.0.0.1, with its files below a folder of its own. They end with this process."""
import contextlib
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile

import boto3
import botocore.config

from harness.ports import free_port
from harness.waiting import until

ROOT = pathlib.Path(__file__).resolve().parents[2]
KAFKA_LIBS = ROOT / "build/kafka/libs"
S3_KEY, S3_REGION = "sekisho", "us-east-1"


class Server:
    """One process. `kill` and `start` again is what a crash is; `pause` stops it from answering."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_file = self.folder / f"{name}.log"
        self.process = None

    def spawn(self, command, **options):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True, **options)

    def log(self):
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    def wait(self, ready, seconds=60.0):
        def alive_and_ready():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} exited with {self.process.returncode}:\n{self.log()[-3000:]}")
            return ready()
        until(alive_and_ready, f"{self.name} is ready", seconds, interval=0.05)

    def _signal(self, number):
        with contextlib.suppress(ProcessLookupError):  # it died by itself
            os.killpg(self.process.pid, number)

    def end(self, number=signal.SIGTERM, seconds=30.0):
        """Its exit status; that of a kill when it takes too long."""
        if self.process is None:
            return None
        self._signal(number)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            status = self.process.wait()
        self.process = None
        return status

    def kill(self):
        self.end(signal.SIGKILL)

    def pause(self):
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)


class Postgres(Server):
    """PostgreSQL, with fsync on, asking for the password in `password_file`."""

    USER = "sekisho"
    SETTINGS = {"max_connections": 300, "shared_buffers": "128MB", "log_error_verbosity": "terse", "max_locks_per_transaction": 256}

    def __init__(self, folder, port=0):
        super().__init__("postgres", folder)
        self.port = port or free_port()
        self.password_file = self.folder / "password"
        self.data = self.folder / "data"
        versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
        assert versions, "no PostgreSQL server below /usr/lib/postgresql; run `tools/setup test`"
        self.programs = versions[-1].parent
        self.drop = []
        if os.geteuid() == 0:  # the server refuses to run as root
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        if not self.data.exists():
            self._make()

    def _make(self):
        self.password_file.write_text(secrets.token_urlsafe(24))
        given = self.folder / "given"
        shutil.copy(self.password_file, given)
        if self.drop:
            shutil.chown(given, "postgres")
        self.password_file.chmod(0o600)
        done = subprocess.run([*self.drop, self.programs / "initdb", "-D", self.data, "-U", self.USER, "--encoding=UTF8", "--no-locale",
                               "--auth=scram-sha-256", f"--pwfile={given}"], cwd=self.folder, capture_output=True, text=True)
        given.unlink()
        assert done.returncode == 0, f"initdb: {done.stderr}"

    def launch(self):
        """Starts it without waiting for it."""
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": self.port, **self.SETTINGS}
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        self.spawn([*self.drop, self.programs / "postgres", "-D", self.data, *options], cwd=self.folder)

    def start(self):
        self.launch()
        self.await_ready()
        return self

    def answers(self):
        return self.sql("SELECT 1", check=False) == "1"

    def await_ready(self):
        self.wait(self.answers)

    def end(self, number=signal.SIGINT, seconds=30.0):
        return super().end(number, seconds)

    def sql(self, statement, database="postgres", check=True):
        """What one statement answers, unaligned."""
        environment = dict(os.environ, PGPASSWORD=self.password_file.read_text())
        done = subprocess.run([self.programs / "psql", "-XAtq", "-h", "127.0.0.1", "-p", str(self.port), "-U", self.USER,
                               "-d", database, "-v", "ON_ERROR_STOP=1", "-c", statement],
                              env=environment, capture_output=True, text=True)
        assert done.returncode == 0 or not check, f"{statement}: {done.stderr}"
        return done.stdout.strip()

    def make_database(self, name):
        self.sql(f'CREATE DATABASE "{name}"')

    def conninfo(self, database):
        return f"host=127.0.0.1 port={self.port} user={self.USER} dbname={database}"


class Kafka(Server):
    """One broker that is its own controller."""

    JAVA = ["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]  # starts soon, and is small

    def __init__(self, folder, port=0):
        super().__init__("kafka", folder)
        self.port = port or free_port()
        self.controller_port = free_port()
        self.properties = self.folder / "server.properties"
        self.class_path = f"{KAFKA_LIBS}/*"
        assert KAFKA_LIBS.is_dir(), f"{KAFKA_LIBS} is absent; run `tools/setup test`"
        if not (self.folder / "log").exists():
            self._make()

    @property
    def servers(self):
        return f"127.0.0.1:{self.port}"

    def _make(self):
        plain, controller = f"PLAIN://127.0.0.1:{self.port}", f"CONTROLLER://127.0.0.1:{self.controller_port}"
        settings = {
            "process.roles": "broker,controller", "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}", "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN", "listeners": f"{plain},{controller}", "advertised.listeners": plain,
            "listener.security.protocol.map": "PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT", "log.dirs": self.folder / "log",
            "auto.create.topics.enable": "false", "offsets.topic.replication.factor": 1, "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1, "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0, "group.min.session.timeout.ms": 1000,
            # After a kill the controller waits this long before it takes the broker for another one: 9 s by default.
            "broker.session.timeout.ms": 2000, "broker.heartbeat.interval.ms": 500,
            "num.network.threads": 2, "num.io.threads": 2, "background.threads": 2,
        }
        self.properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        cluster = subprocess.run(self._java("kafka.tools.StorageTool", "random-uuid"), capture_output=True, text=True, check=True)
        done = subprocess.run(self._java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster.stdout.strip()}", "-c",
                                         self.properties), capture_output=True, text=True)
        assert done.returncode == 0, f"the broker's storage cannot be formatted: {done.stdout}{done.stderr}"

    def _java(self, *arguments):
        return ["java", *self.JAVA, "-Dorg.apache.logging.log4j.level=INFO", "-cp", self.class_path, *map(str, arguments)]

    def launch(self):
        """Starts it without waiting for it."""
        self._seen = len(self.log())
        self.spawn(self._java("kafka.Kafka", self.properties))

    def start(self):
        self.launch()
        self.await_ready()
        return self

    def await_ready(self):
        self.wait(lambda: "Kafka Server started" in self.log()[self._seen:], 120)


class ObjectStore(Server):
    """moto's S3. It keeps objects in memory: ending it loses them, so a bad day for it is `pause`."""

    def __init__(self, folder, port=0):
        super().__init__("objects", folder)
        self.port = port or free_port()
        self.secret_file = self.folder / "secret"
        self.secret_file.write_text(secrets.token_urlsafe(24))
        self.secret_file.chmod(0o600)

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self):
        # A timeout that is short, for what answers at once or not at all.
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=S3_REGION, aws_access_key_id=S3_KEY,
                            aws_secret_access_key=self.secret_file.read_text(),
                            config=botocore.config.Config(connect_timeout=2, read_timeout=10, retries={"max_attempts": 1}))

    def start(self):
        self.spawn([ROOT / "build/venv/bin/moto_server", "-H", "127.0.0.1", "-p", self.port])

        def answers():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        self.wait(answers)
        return self

    def make_bucket(self, name):
        self.client().create_bucket(Bucket=name)


class BackEnds:
    """All three, started together."""

    def __init__(self, postgres_port=0, kafka_port=0, objects_port=0):
        self._folder = tempfile.TemporaryDirectory(prefix="sekisho-back-ends-")  # where PostgreSQL's user can go
        folder = pathlib.Path(self._folder.name)
        folder.chmod(0o755)
        self.folder = folder
        self.postgres = Postgres(folder / "postgres", postgres_port)
        self.kafka = Kafka(folder / "kafka", kafka_port)
        self.objects = ObjectStore(folder / "objects", objects_port)
        self.all = [self.postgres, self.kafka, self.objects]
        self._made = 0

    def start(self):
        for server in self.all:
            server.start()
        return self

    def end(self):
        """Nobody needs what they have: a broker that is told to stop takes half a minute to hand over to nobody."""
        self.objects.kill()
        self.kafka.kill()
        self.postgres.end(signal.SIGQUIT)
        self._folder.cleanup()

    def make_tenancy(self):
        """A database, a bucket and a topics' prefix that nobody used before: what the configuration is to say."""
        self._made += 1
        name = f"sekisho{self._made}"
        self.postgres.make_database(name)
        self.objects.make_bucket(name)
        return {
            "storage": {"postgres": {"conninfo": self.postgres.conninfo(name), "password_file": str(self.postgres.password_file)},
                        "s3": {"endpoint": self.objects.endpoint, "bucket": name, "access_key": S3_KEY,
                               "secret_key_file": str(self.objects.secret_file)}},
            "bus": {"kafka": {"servers": self.kafka.servers, "prefix": name}},
        }
