"""A life under the real engine: the repository's program with a gateway and one route, and nothing else."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway_config.compile import compile_config
from gateway_config.errors import GatewrightError
from gateway_config.graph import graph_digest
from gateway_config.load import load
from infra.engine import Engine
from infra.provider.elements import digest_of_wire
from tests.emulator.server import Running
from tests.faults.answers import ANSWERS
from tests.faults.case import Case, Result, Subject, ToldError, calls
from tests.faults.peers import EmulatorPeer, Peer
from tests.route_given import GATEWAY, GATEWAYS, Api
from tests.small_config import FILES
from tests.stand_in.event_loops import collected_at_once
from tests.stand_in.project import edit, project_environment, write_project

STEPS = ("create", "edit", "preview", "refresh", "import", "destroy")
KILLED = "killed"
DELAY_MS = 600
"""How long a call takes during which `up` is killed."""
ROUTE = "quick-chat"
UP = "from gateway_config.cli import main; main()"
DECLARED, EDITED = "challenger: 50}", "challenger: 20}"


class EngineLife:
    """A project in a folder of its own. Edited, the route's split is 80/20."""

    def __init__(self, folder: Path, emulator: Running) -> None:
        self.folder, self.emulator = write_project(folder), emulator
        self.config = folder / "gateway_config"
        for old in (self.config / "routes").glob("*.yaml"):
            old.unlink()
        for name in ("gateway.yaml", f"routes/{ROUTE}.yaml"):
            (self.config / name).write_text(FILES[name])
        self.environment = {**os.environ, **project_environment(folder, emulator.url)}
        self.peer: Peer = EmulatorPeer(emulator)
        self.api = Api(emulator)
        self.known: list[tuple[str, str]] = []

    @classmethod
    @contextmanager
    def begin(cls, emulator: Running) -> Iterator[EngineLife]:
        """A life in this emulator, which is as new."""
        with tempfile.TemporaryDirectory() as folder:
            life = cls(Path(folder), emulator)
            with life.api.client:
                yield life

    def engine(self) -> Engine:
        return Engine(self.folder, "dev", environment=self.environment)

    def prepare(self, step: str) -> None:
        if step != "create":
            self.engine().up()
        if step == "edit":
            edit(self.config / f"routes/{ROUTE}.yaml", {DECLARED: EDITED})
        elif step in ("preview", "refresh"):
            self.api.deploy(self.api.write_version(self._edited_by_hand(), ROUTE), ROUTE)
        elif step == "import":
            self.known = [(ROUTE, self.api.routes()[0]["id"])]
            shutil.rmtree(self.folder / "state")
            (self.folder / "state").mkdir()

    def _edited_by_hand(self) -> list[object]:
        elements: list[dict[str, object]] = self.api.live(ROUTE)["version"]["data"]
        model = next(item for item in elements if item["type"] == "model")
        model["properties"] = {**dict(model["properties"]), "timeout": 1234}  # type: ignore[call-overload]
        return list(elements)

    def run(self, step: str) -> None:
        if step == "import":
            _told(lambda: self.engine().take_in(GATEWAY, self.known))
        else:
            self.up(step)

    def up(self, step: str) -> None:
        """One more run: of `up`, except where nothing is to be made."""
        engine = self.engine()
        _told({"preview": engine.preview, "destroy": engine.destroy}.get(step, engine.up))

    def wrong(self, step: str) -> str | None:
        gateways = [gateway["id"] for gateway in self.api.client.get(GATEWAYS)]
        if gateways != ([] if step == "destroy" else [GATEWAY]):
            return f"the account has the gateways {gateways}"
        if step == "destroy":
            return None
        names = [route["name"] for route in self.api.routes()]
        if names != [ROUTE]:
            return f"the gateway has the routes {names}"
        return self._wrong_route(step)

    def _wrong_route(self, step: str) -> str | None:
        declared = compile_config(load(self.config, "dev")).routes[ROUTE].graph
        live = self.api.live(ROUTE)["version"]["data"]
        if (digest_of_wire(live) == graph_digest(declared)) == (step == "preview"):
            return "another graph is live"
        stored, found = {"create": 1, "import": 1, "refresh": 3}.get(step, 2), len(self.api.versions(ROUTE))
        return None if found == stored else f"{found} versions are stored, not {stored}"

    def kill_up(self) -> None:
        """`gatewright up` as a process, killed with its engine while the call is under way that meets a fault."""
        command = [sys.executable, "-c", UP, "up", "--project", str(self.folder)]
        run = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        _wait_until(lambda: run.poll() is not None or self.peer.met())
        time.sleep(0.1)
        engines = subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True, text=True, check=False).stdout
        for pid in [*engines.split(), str(run.pid)]:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        run.communicate(timeout=30)
        time.sleep(0.7)  # the request that was under way is still carried out


def killed(case: Case, emulator: Running) -> Result:
    """Runs a case in which `up` is killed at a call."""
    emulator.reset()
    with case.subject.begin(emulator) as life:
        assert isinstance(life, EngineLife)
        life.prepare(case.step)
        life.peer.fault(case.index, 1, delay_ms=DELAY_MS)
        life.kill_up()
        met = life.peer.met()
        life.peer.mend()
        try:
            life.up(case.step)
            why = life.wrong(case.step) or (None if met else "the call was not met")
        except ToldError as error:
            why = f"the next up failed: {error}"
    return Result(case, "wrong" if why else "finished", None, why)


def _told(call: Callable[[], object]) -> None:
    failure = None
    with collected_at_once():
        try:
            call()
        except GatewrightError as error:
            failure = str(error)
    if failure is not None:
        raise ToldError(failure)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("waited for 30 s")
        time.sleep(0.02)


ENGINE = Subject("up with the engine", STEPS, EngineLife.begin)
KILL_STEPS = ("create", "edit")
"""Those in which `up` changes something."""


def engine_cases(emulator: Running) -> Iterator[Case]:
    """Each call of each step once, with the answers in turn: a run of the engine takes seconds.

    A timeout is left to the provider, whose client can be told to wait less than 30 s.
    """
    answers = itertools.cycle(answer for answer in ANSWERS if answer != "timeout")
    for step in ENGINE.steps:
        for index, call in enumerate(calls(ENGINE, step, emulator)):
            yield Case(ENGINE, step, index, call, next(answers))


def kill_cases(subject: Subject, emulator: Running) -> Iterator[Case]:
    """Each call of each step."""
    for step in subject.steps:
        for index, call in enumerate(calls(subject, step, emulator)):
            yield Case(subject, step, index, call, KILLED)
