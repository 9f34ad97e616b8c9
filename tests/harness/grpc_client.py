"""Stubs generated at run time from proto/, and how to read errors."""
import functools
import importlib
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc

from harness.sekisho import PASSWORD, ROOT


@functools.cache
def _generated():
    folder = tempfile.mkdtemp(prefix="sekisho-stubs-")
    protos = [str(p.relative_to(ROOT / "proto")) for p in sorted((ROOT / "proto").rglob("*.proto"))]
    builtin = pathlib.Path(importlib.import_module("grpc_tools").__file__).parent / "_proto"
    status = protoc.main(["protoc", f"-I{ROOT / 'proto'}", f"-I{builtin}", f"--python_out={folder}", f"--grpc_python_out={folder}", *protos])
    assert status == 0, "protoc failed"
    # google/ of the protobuf package and google/rpc of ours live in different folders.
    import google
    google.__path__.append(f"{folder}/google")
    sys.path.insert(0, folder)
    return folder


def messages(package):
    """The messages of e.g. "intake": sekisho.intake.v1."""
    _generated()
    return importlib.import_module(f"sekisho.{package}.v1.{package}_pb2")


def stub(channel, package, service):
    _generated()
    return getattr(importlib.import_module(f"sekisho.{package}.v1.{package}_pb2_grpc"), f"{service}Stub")(channel)


def reasons(error):
    """The ErrorInfo reasons in a gRPC error's details."""
    _generated()
    status_pb2 = importlib.import_module("google.rpc.status_pb2")
    details_pb2 = importlib.import_module("google.rpc.error_details_pb2")
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            found = []
            for detail in status.details:
                info = details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    found.append(info.reason)
            return found
    return []


def open_channel(server, port):
    address, options = f"127.0.0.1:{port}", [("grpc.max_reconnect_backoff_ms", 500)]
    if not server.ca_file:
        return grpc.insecure_channel(address, options)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(pathlib.Path(server.ca_file).read_bytes()), options)


class Client:
    """One user's token, and channels to the processes that have what is called."""

    def __init__(self, server, user="hanako@example.jp", password=PASSWORD):
        self.server = server
        self._channels = {}
        self.channel = self.channel_to("intake")
        auth = stub(self.channel, "intake", "AuthService")
        reply = auth.Login(messages("intake").LoginRequest(user=user, password=password), timeout=10)
        self.metadata = [("authorization", f"Bearer {reply.token}")]
        server.canaries.add(reply.token)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for channel in self._channels.values():
            channel.close()

    def channel_to(self, package):
        port = self.server.rpc_port(package)
        if port not in self._channels:
            self._channels[port] = open_channel(self.server, port)
        return self._channels[port]

    def service(self, package, name):
        return stub(self.channel_to(package), package, name)

    def call(self, package, service, method, request):
        return getattr(self.service(package, service), method)(request, metadata=self.metadata, timeout=20)
