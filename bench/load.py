"""The load that Postfix and Sekisho both get, and what it costs them."""
import contextlib
import os
import socket
import subprocess
import time

SESSIONS = 100
SIZE = 10240
TICK = os.sysconf("SC_CLK_TCK")


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def listening(port, seconds=20):
    """Waits until something listens there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port} after {seconds} s")


def cpu(pid):
    """User and system seconds of a process and of its children that ended."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / TICK


def children_cpu(pid):
    """… and of its living children."""
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        living = children.read().split()
    total = cpu(pid)
    for child in living:
        with contextlib.suppress(OSError):
            total += cpu(child)
    return total


class Sink:
    """smtp-sink that ends after `count` mails; without it, when told."""

    def __init__(self, port, count=None):
        limit = [] if count is None else ["-M", str(count)]
        self.command = ["smtp-sink", "-u", "nobody", *limit, f"127.0.0.1:{port}", "1000"]
        self.port = port

    def __enter__(self):
        self.process = subprocess.Popen(self.command)
        time.sleep(0.3)  # a connection to try it would count as a session
        return self

    def wait(self, seconds):
        self.process.wait(seconds)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()


def source(port, count, recipient="b@dest.example", mail_file=None, size=SIZE):
    content = ["-F", mail_file] if mail_file else ["-l", str(size)]
    subprocess.run(["smtp-source", "-d", "-s", str(min(SESSIONS, count)), "-m", str(count), *content, "-f", "app@example.jp", "-t", recipient,
                    f"127.0.0.1:{port}"], check=True)


def wait_for_rest(cpu_seconds):
    """Until the server has used next to no CPU for half a second."""
    used = None
    while used is None or cpu_seconds() - used > 0.02:
        used = cpu_seconds()
        time.sleep(0.5)


def timed_load(port, sink_port, count, cpu_seconds, recipient="b@dest.example", mail_file=None, limit=900):
    """Warms up, then sends `count` mails; returns (mails per second, CPU seconds per 1,000). Without a sink, acceptance counts."""
    def once(mails):
        with contextlib.ExitStack() as stack:
            sink = stack.enter_context(Sink(sink_port, mails)) if sink_port else None
            os.sync()
            used, began = cpu_seconds(), time.monotonic()
            source(port, mails, recipient, mail_file)
            if sink:
                sink.wait(limit)
            elapsed = time.monotonic() - began
            time.sleep(0.5)  # what follows the last delivery is part of its cost
            return mails / elapsed, (cpu_seconds() - used) * 1000 / mails
    # The warm-up's sink ends when all is quiet. One that ends with its last mail resets connections that are just being opened: the
    # next hop then counts as away, and what comes first is put off for a minute.
    with Sink(sink_port) if sink_port else contextlib.nullcontext():
        source(port, min(2 * SESSIONS, count), recipient, mail_file)
        wait_for_rest(cpu_seconds)
    return once(count)
