"""Fixtures that every suite shares. With SEKISHO_DISTRIBUTED=1 the demo is separate services on Kafka, PostgreSQL and S3."""
import os

import pytest

from harness.back_ends import BackEnds
from harness.cli import Cli
from harness.distributed import Distributed
from harness.sekisho import Sekisho

DISTRIBUTED = os.environ.get("SEKISHO_DISTRIBUTED") == "1"


@pytest.fixture(scope="session")
def back_ends():
    """PostgreSQL, Kafka and an object store for the whole run; each server of ours has a database, topics and a bucket."""
    servers = BackEnds()
    try:
        yield servers.start()
    finally:
        servers.end()


@pytest.fixture(scope="session")
def make_server(request):
    """make_server(folder, changes, hold=...): the demo in the form that this run tests; not started."""
    if not DISTRIBUTED:
        return Sekisho
    servers = request.getfixturevalue("back_ends")
    return lambda *arguments, **options: Distributed(servers, *arguments, **options)


@pytest.fixture(scope="module")
def demo(make_server, tmp_path_factory):
    """The demo as it is, one process for the tests of a file."""
    with make_server(tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture
def start(make_server, tmp_path):
    """start(changes, hold=...): a process of the test's own, stopped at its end."""
    servers = []

    def start_one(changes=None, **options):
        server = make_server(tmp_path / f"sekisho{len(servers)}", changes, **options)
        servers.append(server)
        return server.start()
    yield start_one
    for server in servers:
        server.stop()


@pytest.fixture
def hanako(demo):
    return Cli(demo, "hanako@example.jp")


@pytest.fixture
def taro(demo):
    return Cli(demo, "taro@example.jp")


@pytest.fixture
def admin(demo):
    return Cli(demo, "admin@example.jp")
