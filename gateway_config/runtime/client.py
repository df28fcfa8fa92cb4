"""The client that applications use, blocking: an intent in, an answer out."""

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
from gateway_config.runtime.door import transport_of
from gateway_config.runtime.drift import Drift
from gateway_config.runtime.drive import Stream, drive
from gateway_config.runtime.flow import Flow
from gateway_config.runtime.options import AskOptions
from gateway_config.runtime.settings import Settings
from gateway_config.runtime.streaming import stream

T = TypeVar("T")


class Client(Base):
    """Asks intents, blocking. One for the whole application: it pools connections and is safe for threads.

    `records` is the folder of usage records (else GATEWRIGHT_RECORDS; else there are none). `on_drift` is told when
    a model answers that was not declared. `transport` replaces the network, in tests.
    """

    def __init__(
        self,
        config: CompiledConfig,
        settings: Settings | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
        records: Path | None = None,
    ) -> None:
        super().__init__(config, settings, on_drift, records)
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
        records: Path | None = None,
    ) -> Self:
        """A client that lives by YAML files: those of `directory`, else those beside this package."""
        config = config_of_files(directory, stage)
        return cls(config, settings, transport=transport, on_drift=on_drift, records=records)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections, and closes the segment of records."""
        self._core.close()
        self._transport.close()

    def ask(self, intent: str, text: str | Sequence[Message], **options: Unpack[AskOptions]) -> Answer:
        """The answer of the intent's route to a text, or to messages of the OpenAI chat shape.

        Raises InputError before anything is sent, and CallError (with the trace) where no answer came.
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
