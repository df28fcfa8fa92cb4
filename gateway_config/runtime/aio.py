"""The client for asyncio; everything else is as with `Client`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeVar, Unpack

import httpx

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime.answer import Answer
from gateway_config.runtime.ask import ask
from gateway_config.runtime.base import Base, config_of_files
from gateway_config.runtime.chat import Message
from gateway_config.runtime.door import async_transport_of
from gateway_config.runtime.drift import Drift
from gateway_config.runtime.drive import AsyncStream, drive_async
from gateway_config.runtime.flow import Flow
from gateway_config.runtime.options import AskOptions
from gateway_config.runtime.settings import Settings
from gateway_config.runtime.streaming import stream

T = TypeVar("T")


class AsyncClient(Base):
    """Asks intents with asyncio. One for each event loop; its methods promise what those of `Client` do."""

    def __init__(
        self,
        config: CompiledConfig,
        settings: Settings | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
        records: Path | None = None,
    ) -> None:
        super().__init__(config, settings, on_drift, records)
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
        records: Path | None = None,
    ) -> Self:
        """A client that lives by YAML files: those of `directory`, else those beside this package."""
        config = config_of_files(directory, stage)
        return cls(config, settings, transport=transport, on_drift=on_drift, records=records)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connections, and closes the segment of records."""
        self._core.close()
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
