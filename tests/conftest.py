"""What every test may rely on: a clean environment, no network but the marked loopback, golden files."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.emulator.server import Running

GOLDEN = Path(__file__).parent / "golden"
STRAY = re.compile(r"(CLOUDFLARE|PULUMI|GATEWRIGHT|AWS)_|(HTTPS?|ALL|NO|FTP)_PROXY$", re.IGNORECASE)
LOOPBACK_MARKS = ("http", "engine")
guard = {"loopback": True}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite golden files with what was found")


def pytest_configure(config: pytest.Config) -> None:
    for name in stray_names():
        del os.environ[name]
    sys.addaudithook(refuse_network)


def stray_names() -> list[str]:
    """Settings of the person who runs the tests, which no test may depend on."""
    return [name for name in os.environ if STRAY.match(name)]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in stray_names():
        monkeypatch.delenv(name)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    guard["loopback"] = any(item.get_closest_marker(mark) for mark in LOOPBACK_MARKS)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    # Whatever is taken down after the last test may belong to an earlier, marked one.
    guard["loopback"] = True


def refuse_network(event: str, args: tuple[object, ...]) -> None:
    """Fails the test that reaches further than its marks allow; code under test cannot swallow it."""
    if event in ("socket.connect", "socket.sendto", "socket.bind"):
        host = args[1][0] if isinstance(args[1], tuple) else None
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if host is None or host == b"":
        return
    if not is_loopback(host):
        pytest.fail(f"a test reached for the network: {event} {host!r}")
    if event == "socket.connect" and not guard["loopback"]:
        pytest.fail(f"a test without a mark reached for {host!r}; mark it http or engine")


def is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


@pytest.fixture(scope="session")
def running() -> Iterator["Running"]:
    from tests.emulator.server import running_emulator

    with running_emulator(seed=1) as running:
        yield running


@pytest.fixture
def emulator(running: "Running") -> "Running":
    """The one emulator of this run, as new; for tests with the http or engine mark."""
    running.reset()
    return running


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden("explain/chat.txt", text)` compares text with tests/golden/…; `--accept` rewrites the file."""
    accept = request.config.getoption("--accept")

    def compare(case: str, found: str) -> None:
        path = GOLDEN / case
        if accept:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found)
        assert path.exists(), f"tests/golden/{case} is missing; `scripts/test --accept` writes it"
        assert found == path.read_text(), f"differs from tests/golden/{case}; `--accept` if that is meant"

    return compare
