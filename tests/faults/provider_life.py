"""A life as the engine leads it, without the engine: the provider over gRPC, in this process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.errors import GatewrightError
from tests.emulator.server import TEST_TOKEN, Running
from tests.faults.answers import TIMEOUT_S
from tests.faults.case import ToldError
from tests.faults.peers import EmulatorPeer, Peer
from tests.provider.given import Kept, Partly, Provider, provider_of
from tests.route_given import Api

_AnswerT = TypeVar("_AnswerT")
STEPS = ("create", "edit", "preview", "refresh", "import", "destroy")


class ProviderLife(ABC):
    """One resource: `first` is declared by create, `second` by edit."""

    token: str
    first: dict[str, Any]
    second: dict[str, Any]

    def __init__(self, provider: Provider, provider_api: ControlPlane, past: Api, peer: Peer) -> None:
        self.provider, self.provider_api, self.past, self.peer = provider, provider_api, past, peer
        self.kept: Kept | None = None
        self.leaving: list[Kept] = []
        self.declared: dict[str, Any] | None = None
        self.set_up()

    @classmethod
    @contextmanager
    def begin(cls, emulator: Running) -> Iterator[ProviderLife]:
        """A life in this emulator, which is as new."""
        short = ControlPlane(TEST_TOKEN, emulator.control_plane, attempts=2, timeout_s=TIMEOUT_S, sleep=lambda _: None)
        past = Api(emulator)
        with short, past.client, provider_of(cls.token, short) as provider:
            yield cls(provider, short, past, EmulatorPeer(emulator))

    @abstractmethod
    def set_up(self) -> None:
        """What must be there before, and what `first` and `second` are."""

    @abstractmethod
    def edit_by_hand(self) -> None:
        """Somebody changes the thing past us."""

    @abstractmethod
    def import_id(self) -> str:
        """What `pulumi import` is told."""

    @abstractmethod
    def wrong(self, step: str) -> str | None:
        """See Life."""

    def prepare(self, step: str) -> None:
        self.declared = self.first
        if step == "create":
            return
        self._make()
        if step in ("preview", "refresh"):
            self.edit_by_hand()
        self.declared = {"edit": self.second, "destroy": None}.get(step, self.first)
        if step == "import":
            self.kept = None

    def run(self, step: str) -> None:
        """The step as the engine takes it; an import is followed by the `up` that it is for."""
        if step == "import":
            self.kept = told(lambda: self.provider.imported(self.import_id()))
        self.up(step)

    def up(self, step: str) -> None:
        """One more run; of a preview, which changes nothing, one more preview."""
        self._let_go()
        if step == "preview":
            self._preview()
        elif self.kept is None:
            self._make()
        elif self.declared is None:
            self._remove(self.kept)
        else:
            self._mend(self.kept)

    def _remove(self, kept: Kept) -> None:
        told(lambda: self.provider.delete(kept))
        self.kept = None

    def _mend(self, kept: Kept) -> None:
        """Observes, then makes again what is gone, and updates what differs."""
        self.kept = told(lambda: self.provider.refreshed(kept))
        if self.kept is None:
            self._make()
        elif changes := self.changes():
            if any(how.endswith("_replace") for how in changes.values()):
                self._replace(self.kept)
            else:
                self._keep(self.provider.update)

    def _replace(self, old: Kept) -> None:
        """The new one is made before the old one goes, in this run or in the next."""
        try:
            self._make()
        finally:
            if self.kept is not old:
                self.leaving.append(old)
        self._let_go()

    def _let_go(self) -> None:
        while self.leaving:
            told(lambda: self.provider.delete(self.leaving[0]))
            self.leaving.pop(0)

    def _preview(self) -> None:
        kept, declared = self.kept, self.declared
        assert declared is not None
        seen = told(lambda: self.provider.refreshed(kept)) if kept else None
        told(lambda: self.provider.planned(declared, seen))

    def changes(self) -> dict[str, str]:
        """What the next run would change."""
        kept, declared = self.kept, self.declared
        assert kept is not None
        assert declared is not None
        return told(lambda: self.provider.diff(kept, declared))

    def _make(self) -> None:
        if self.declared is not None:
            self._keep(lambda _, declared: self.provider.create(declared))

    def _keep(self, step: Callable[[Any, dict[str, Any]], Kept]) -> None:
        declared = self.declared
        assert declared is not None
        try:
            self.kept = told(lambda: step(self.kept, declared))
        except Partly as partly:
            self.kept = partly.kept
            raise ToldError(str(partly)) from None


def told(call: Callable[[], _AnswerT]) -> _AnswerT:
    """The answer of the provider, or ToldError with its sentence. What the engine kept before stays kept."""
    try:
        return call()
    except grpc.RpcError as error:
        raise ToldError(str(error.details())) from None
    except GatewrightError as error:
        raise ToldError(str(error)) from None
