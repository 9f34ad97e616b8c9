"""Clients that come too often, ask too much or guess: they are slowed or cut off, and the others are served meanwhile."""
import base64
import collections
import contextlib
import pathlib
import socket
import struct

import grpc
import pytest

from harness.grpc_client import Client, messages, reasons, stub
from harness.sekisho import PASSWORD, Sekisho
from harness.smtp import Wire, session
from harness.waiting import until

# --- HTTP/2 by hand (RFC 9113): no client library floods.

HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4
CANCEL, ENHANCE_YOUR_CALM = 8, 11
MAX_CONCURRENT_STREAMS = 3
Frame = collections.namedtuple("Frame", "type flags stream payload")


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(octets):
    return bytes([len(octets)]) + octets


# HPACK without its tables: POST, http, the path, the authority, content-type, te.
CALL = (b"\x83\x86\x04" + text(b"/sekisho.intake.v1.IntakeService/GetLimits") + b"\x01" + text(b"localhost") +
        b"\x0f\x10" + text(b"application/grpc") + b"\x00" + text(b"te") + text(b"trailers"))


class Http2:
    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.ports["rpc"]), timeout=10)
        self.pending, self.closed = b"", False
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, octets):
        """False when the server has closed."""
        try:
            self.socket.sendall(octets)
            return True
        except OSError:
            return False

    def frames(self, seconds=10):
        """What the server says, until it closes (then `closed`) or is silent for so long."""
        self.socket.settimeout(seconds)
        while True:
            while len(self.pending) < 9 or len(self.pending) < 9 + int.from_bytes(self.pending[:3], "big"):
                try:
                    received = self.socket.recv(65536)
                except TimeoutError:
                    return
                except ConnectionError:
                    received = b""
                if not received:
                    self.closed = True
                    return
                self.pending += received
            size = int.from_bytes(self.pending[:3], "big")
            yield Frame(self.pending[3], self.pending[4], int.from_bytes(self.pending[5:9], "big"), self.pending[9:9 + size])
            self.pending = self.pending[9 + size:]


def resident(server):
    """In MiB."""
    pages = int(pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * 4096 >> 20


def is_served(server):
    """An honest client gets its answer, though it may have to ask again while the server's threads are taken."""
    def answered():
        try:
            with Client(server) as client:
                client.call("intake", "IntakeService", "GetLimits", messages("intake").GetLimitsRequest())
            return True
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
            return False
    until(answered, "an answer", 10)


def test_a_connection_has_only_so_many_streams(demo):
    with Http2(demo) as client:
        settings = next(f for f in client.frames() if f.type == SETTINGS and not f.flags)
        pairs = dict(struct.unpack(">HI", settings.payload[at:at + 6]) for at in range(0, len(settings.payload), 6))
        assert pairs[MAX_CONCURRENT_STREAMS] == 256
        client.say(frame(SETTINGS, 1) + b"".join(frame(HEADERS, END_HEADERS, 2 * n + 1, CALL) for n in range(300)))
        ended = set()
        for f in client.frames(20):
            if f.type == RST_STREAM or (f.type == HEADERS and f.flags & END_STREAM):
                ended.add(f.stream)
            if len(ended) >= 300 - 256:
                break
        assert client.closed or len(ended) >= 300 - 256, "the rest is refused, one by one or by the end of the connection"
        is_served(demo)


def test_a_ping_flood_ends_the_connection(demo):
    with Http2(demo) as client:
        for _ in range(2000):
            if not client.say(frame(PING, payload=bytes(8))):
                break
        codes = [int.from_bytes(f.payload[4:8], "big") for f in client.frames() if f.type == GOAWAY]
        assert client.closed and codes in ([], [ENHANCE_YOUR_CALM]), "told, unless it was cut off at once"
    is_served(demo)


def test_rapid_resets_neither_stop_the_others_nor_fill_memory(demo):
    """CVE-2023-44487: streams that are opened and cancelled in one breath."""
    is_served(demo)
    before = resident(demo)
    with Http2(demo) as client:
        stream = 1
        for _ in range(200):
            burst = b""
            for _ in range(100):
                burst += frame(HEADERS, END_HEADERS, stream, CALL) + frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))
                stream += 2
            if not client.say(burst):
                break
        is_served(demo)
    assert resident(demo) - before < 64


def test_a_header_without_end_is_cut_off(demo):
    """CVE-2024-27316 and its kin: CONTINUATION upon CONTINUATION."""
    is_served(demo)
    before = resident(demo)
    value_of_256_mib = b"\x00" + text(b"x-filler") + b"\x7f\x80\x80\x80\x7f"
    with Http2(demo) as client:
        client.say(frame(HEADERS, 0, 1, CALL) + frame(CONTINUATION, 0, 1, value_of_256_mib))
        for _ in range(8000):
            if not client.say(frame(CONTINUATION, 0, 1, b"y" * 16_384)):
                break
        is_served(demo)
    assert resident(demo) - before < 64


def test_silent_connections_leave_room_for_others(demo):
    connections = [Http2(demo) for _ in range(300)]
    try:
        is_served(demo)
    finally:
        for connection in connections:
            connection.socket.close()


# --- Guessing

class StrangerWire(Wire):
    """From another address of this machine."""

    def __init__(self, port, address):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))
        self.pending = b""


def guess(server, address, login, password="wrong"):
    with StrangerWire(server.ports["submission"], address) as wire:
        wire.ask("EHLO stranger")
        wire.ask("STARTTLS")
        wire.start_tls()
        wire.ask("EHLO stranger")
        return wire.ask("AUTH PLAIN " + base64.b64encode(f"\0{login}\0{password}".encode()).decode())[:3]


def test_a_strangers_guesses_lock_themselves_out_and_not_the_owner(start):
    server = start({"intake": {"limits": {"login_failures_per_minute": 3}}})
    replies = [guess(server, "127.0.0.2", "hanako@example.jp") for _ in range(6)]
    assert replies == ["535"] * 3 + ["454"] * 3
    assert guess(server, "127.0.0.2", "hanako@example.jp", PASSWORD) == "454", "not even the right one, from there"
    with session(server) as client:
        assert client.noop()[0] == 250, "the owner, from elsewhere"
    with Client(server):
        pass
    strangers = [f"127.0.0.{n}" for n in range(3, 30)]
    locked = next(a for a in strangers if "454" in [guess(server, a, "hanako@example.jp") for _ in range(3)])
    assert strangers.index(locked) < 10, "however many addresses guess, they are stopped together"
    assert guess(server, "127.0.0.40", "hanako@example.jp", PASSWORD) == "454"
    with session(server) as client:
        assert client.noop()[0] == 250, "the owner, where the login is known"


def test_guesses_count_at_every_door(start):
    server = start({"intake": {"limits": {"login_failures_per_minute": 3}}})
    channel = grpc.insecure_channel(f"127.0.0.1:{server.ports['rpc']}")
    login = messages("intake").LoginRequest(user="hanako@example.jp", password="wrong")
    said = []
    for _ in range(5):
        with pytest.raises(grpc.RpcError) as error:
            stub(channel, "intake", "AuthService").Login(login, timeout=20)
        said += reasons(error.value)
    channel.close()
    assert said == ["LOGIN_REFUSED"] * 3 + ["TOO_MANY_LOGINS"] * 2
    assert guess(server, "127.0.0.1", "jiro@example.jp", PASSWORD) == "454"


def test_a_demo_login_opens_no_listener_that_does_not_allow_them(tmp_path):
    server = Sekisho(tmp_path / "sekisho")
    del server.config["intake"]["listeners"][0]["allow_demo_logins"]
    server.write_config()
    with server:
        assert guess(server, "127.0.0.1", "hanako@example.jp", PASSWORD) == "535"
        with session(server, implicit_tls=True) as client:
            assert client.noop()[0] == 250


def test_a_login_has_only_so_many_connections_wherever_it_comes_from(start):
    server = start({"intake": {"limits": {"connections_per_address": 3}}})
    with contextlib.ExitStack() as open_ones:
        first = [open_ones.enter_context(session(server)) for _ in range(3)]
        assert guess(server, "127.0.0.2", "HANAKO@example.jp", PASSWORD) == "454"
        assert guess(server, "127.0.0.2", "jiro@example.jp", PASSWORD) == "235"
        first[0].quit()
        until(lambda: guess(server, "127.0.0.2", "hanako@example.jp", PASSWORD) == "235", "room for one more")
