"""Fixtures that every suite shares."""
import pytest

from harness.cli import Cli
from harness.sekisho import Sekisho


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo as it is, one process for the tests of a file."""
    with Sekisho(tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture
def start(tmp_path):
    """start(changes, hold=...): a process of the test's own, stopped at its end."""
    servers = []

    def start_one(changes=None, **options):
        server = Sekisho(tmp_path / f"sekisho{len(servers)}", changes, **options)
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
