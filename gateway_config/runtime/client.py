"""The client that applications use: an intent in, an answer out. `Client` blocks, `AsyncClient` is for asyncio."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar, Unpack

import httpx

import gateway_config
from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledConfig
from gateway_config.load import load
from gateway_config.runtime.answer import Answer
from gateway_config.runtime.ask import ask
from gateway_config.runtime.chat import Message
from gateway_config.runtime.core import Core
from gateway_config.runtime.door import async_transport_of, transport_of
from gateway_config.runtime.drift import Drift
from gateway_config.runtime.drive import AsyncStream, Stream, drive, drive_async
from gateway_config.runtime.flow import Flow
from gateway_config.runtime.options import AskOptions
from gateway_config.runtime.settings import Settings, stage_of
from gateway_config.runtime.streaming import stream

T = TypeVar("T")


def config_of_files(directory: Path | str | None = None, stage: str | None = None) -> CompiledConfig:
    """The compiled config of YAML files: of `directory`, else of those beside this package.

    Raises ConfigError with every problem of the files.
    """
    folder = Path(directory) if directory is not None else Path(gateway_config.__path__[0])
    return compile_config(load(folder, stage or stage_of()))


class _Base:
    """What both clients are: a core, and a transport that does not survive a fork."""

    def __init__(
        self,
        config: CompiledConfig,
        settings: Settings | None = None,
        *,
        on_drift: Callable[[Drift], None] | None = None,
    ) -> None:
        self._core = Core(config, settings or Settings.from_environment(), on_drift)
        self._pid = os.getpid()

    def __repr__(self) -> str:
        config = self.config
        return f"{type(self).__name__}({config.gateway_id!r}, config={config.digest[:12]!r}, {self._core.settings!r})"

    @property
    def config(self) -> CompiledConfig:
        """The config that the next call will use."""
        return self._core.view.config

    @property
    def drift_counts(self) -> Mapping[tuple[str, str], int]:
        """How often which model answered a route that does not have it there: `{(route, model): count}`."""
        return dict(self._core.drift.counts)

    def _forked(self) -> bool:
        """Whether this is a child process, which must not write into its parent's connections."""
        pid = os.getpid()
        if pid == self._pid:
            return False
        self._pid = pid
        return True


class Client(_Base):
    """Asks intents, blocking. One for the whole application: it pools connections and is safe for threads.

    `transport` replaces the network, in tests. Ends its connections when closed, or at the end of its `with` block.
    """

    def __init__(
        self,
        config: CompiledConfig,
        settings: Settings | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
    ) -> None:
        super().__init__(config, settings, on_drift=on_drift)
        self._own = transport is None
        self._transport = transport or transport_of(self._core.settings)

    @classmethod
    def from_files(
        cls,
        directory: Path | str | None = None,
        *,
        stage: str | None = None,
        settings: Settings | None = None,
        transport: httpx.BaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
    ) -> Self:
        """A client that lives by YAML files: those of `directory`, else those beside this package."""
        return cls(config_of_files(directory, stage), settings, transport=transport, on_drift=on_drift)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections."""
        self._transport.close()

    def ask(self, intent: str, text: str | Sequence[Message], **options: Unpack[AskOptions]) -> Answer:
        """The answer of the intent's route to a text, or to messages of the OpenAI chat shape.

        Options: `user`, `tenant`, `project`, `arm` (pins one), `metadata`, `deadline_ms`, `temperature`, `max_tokens`,
        `parameters`. Raises InputError before anything is sent, and CallError (with the trace) where no answer came.
        """
        return self._run(ask(self._core, intent, text, options))

    def stream(self, intent: str, text: str | Sequence[Message], **options: Unpack[AskOptions]) -> Stream:
        """The same as typed events: text, reasoning, tool_call, usage, and done with the whole answer.

        The request is sent when the first event is asked for. Raises StreamInterruptedError, which carries what was
        received, where it breaks off; it is never restarted.
        """
        return Stream(stream(self._core, intent, text, options), self._connected())

    def _run(self, flow: Flow[T]) -> T:
        return drive(flow, self._connected())

    def _connected(self) -> httpx.BaseTransport:
        if self._forked() and self._own:
            self._transport = transport_of(self._core.settings)
        return self._transport


class AsyncClient(_Base):
    """Asks intents with asyncio; everything else is as with `Client`."""

    def __init__(
        self,
        config: CompiledConfig,
        settings: Settings | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
    ) -> None:
        super().__init__(config, settings, on_drift=on_drift)
        self._own = transport is None
        self._transport = transport or async_transport_of(self._core.settings)

    @classmethod
    def from_files(
        cls,
        directory: Path | str | None = None,
        *,
        stage: str | None = None,
        settings: Settings | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
    ) -> Self:
        """A client that lives by YAML files: those of `directory`, else those beside this package."""
        return cls(config_of_files(directory, stage), settings, transport=transport, on_drift=on_drift)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connections."""
        await self._transport.aclose()

    async def ask(self, intent: str, text: str | Sequence[Message], **options: Unpack[AskOptions]) -> Answer:
        """As `Client.ask`."""
        return await self._run(ask(self._core, intent, text, options))

    def stream(self, intent: str, text: str | Sequence[Message], **options: Unpack[AskOptions]) -> AsyncStream:
        """As `Client.stream`, for `async for`."""
        return AsyncStream(stream(self._core, intent, text, options), self._connected())

    async def _run(self, flow: Flow[T]) -> T:
        return await drive_async(flow, self._connected())

    def _connected(self) -> httpx.AsyncBaseTransport:
        if self._forked() and self._own:
            self._transport = async_transport_of(self._core.settings)
        return self._transport
