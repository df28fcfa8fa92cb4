"""The client for asyncio; everything else is as with `Client`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

import httpx

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime.answer import Answer, Outcome
from gateway_config.runtime.base import Base, config_of_files
from gateway_config.runtime.bodies.chat import Message
from gateway_config.runtime.drift import Drift
from gateway_config.runtime.errors import ClientError
from gateway_config.runtime.kinds.ask import ask, deeper
from gateway_config.runtime.kinds.caching import pairs_of, raise_cold
from gateway_config.runtime.kinds.streaming import stream
from gateway_config.runtime.options import (
    AskOptions,
    CallOptions,
    EmbedOptions,
    ImageOptions,
    RerankOptions,
    SpeakOptions,
    TranscribeOptions,
)
from gateway_config.runtime.sending.door import async_transports_of
from gateway_config.runtime.sending.drive_async import AsyncStream, drive_async
from gateway_config.runtime.sending.flow import Flow
from gateway_config.runtime.sending.loops import ByLoop
from gateway_config.runtime.settings import Settings

# The rest is imported by the methods that need it: most applications use two or three kinds.
if TYPE_CHECKING:
    from gateway_config.runtime.following import Publication
    from gateway_config.runtime.kinds.batch import Job
    from gateway_config.runtime.kinds.classify import Verdict
    from gateway_config.runtime.kinds.embed import Embeddings
    from gateway_config.runtime.kinds.image import Image
    from gateway_config.runtime.kinds.rerank import Ranking
    from gateway_config.runtime.kinds.speak import Speech
    from gateway_config.runtime.kinds.transcribe import Transcript
    from gateway_config.runtime.records.feedback import Feedback, Thumb

T = TypeVar("T")


class AsyncClient(Base):
    """Asks intents with asyncio, from any event loop; its methods promise what those of `Client` do."""

    def __init__(
        self,
        config: CompiledConfig,
        settings: Settings | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
        records: Path | str | None = None,
        refuse_drift: bool = False,
    ) -> None:
        super().__init__(config, settings, on_drift, records, refuse_drift)
        self._given = transport
        self._by_loop = ByLoop(async_transports_of(self._core.settings))

    @classmethod
    def from_files(
        cls,
        directory: Path | str | None = None,
        *,
        stage: str | None = None,
        settings: Settings | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
        records: Path | str | None = None,
        refuse_drift: bool = False,
    ) -> Self:
        """A client that lives by YAML files: those of `directory`, else those beside this package."""
        config = config_of_files(directory, stage)
        return cls(config, settings, transport=transport, on_drift=on_drift, records=records, refuse_drift=refuse_drift)

    @classmethod
    def from_published(
        cls,
        publication: Publication | None = None,
        *,
        poll_s: float = 30.0,
        settings: Settings | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
        records: Path | str | None = None,
        refuse_drift: bool = False,
    ) -> Self:
        """A client that lives by the config that `up` published, and follows it; see `config_state`.

        `publication` is that of the environment (GATEWRIGHT_CONFIG_BUCKET, …) unless it is given.
        It is read at once, and blocks until then: make the client before the event loop runs, or by asyncio.to_thread.
        """
        publication, etag, config = cls._published(publication)
        client = cls(
            config, settings, transport=transport, on_drift=on_drift, records=records, refuse_drift=refuse_drift
        )
        return client._follow(publication, etag, poll_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connections, and closes the segment of records. A call after this begins anew."""
        self._ended()
        if self._given is not None:
            await self._given.aclose()
        else:
            await self._by_loop.close()

    async def ask(self, intent: str, text: str | Sequence[Message], **options: Unpack[AskOptions]) -> Answer:
        """As `Client.ask`."""
        return await self._run(ask(self._core, intent, text, options))

    def stream(self, intent: str, text: str | Sequence[Message], **options: Unpack[AskOptions]) -> AsyncStream:
        """As `Client.stream`, for `async for`."""
        return AsyncStream(stream(self._core, intent, text, options), self._connected)

    async def image(self, intent: str, prompt: str, **options: Unpack[ImageOptions]) -> Image:
        """As with `Client`."""
        from gateway_config.runtime.kinds.image import image

        return await self._run(image(self._core, intent, prompt, options))

    async def embed(self, intent: str, texts: str | Sequence[str], **options: Unpack[EmbedOptions]) -> Embeddings:
        """As with `Client`."""
        from gateway_config.runtime.kinds.embed import embed

        return await self._run(embed(self._core, intent, texts, options))

    async def rerank(
        self, intent: str, query: str, documents: Sequence[str], **options: Unpack[RerankOptions]
    ) -> Ranking:
        """As with `Client`."""
        from gateway_config.runtime.kinds.rerank import rerank

        return await self._run(rerank(self._core, intent, query, documents, options))

    async def transcribe(self, intent: str, audio: bytes, **options: Unpack[TranscribeOptions]) -> Transcript:
        """As with `Client`."""
        from gateway_config.runtime.kinds.transcribe import transcribe

        return await self._run(transcribe(self._core, intent, audio, options))

    async def speak(self, intent: str, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """As with `Client`."""
        from gateway_config.runtime.kinds.speak import speak

        return await self._run(speak(self._core, intent, text, options))

    async def classify(self, intent: str, text: str | Sequence[Message], **options: Unpack[CallOptions]) -> Verdict:
        """As with `Client`."""
        from gateway_config.runtime.kinds.classify import classify

        return await self._run(classify(self._core, intent, text, options))

    async def batch(
        self, intent: str, inputs: Sequence[str | Sequence[Message]], poll_s: float = 5.0, **options: Unpack[AskOptions]
    ) -> list[Job]:
        """As with `Client`."""
        from gateway_config.runtime.kinds.batch import batch

        left = Event()
        try:
            return await asyncio.to_thread(batch, self._core, intent, inputs, options, poll_s, left)
        finally:
            left.set()  # where this task is cancelled, nothing else ends the thread before the deadline

    async def deeper(self, answer: Answer, **options: Unpack[AskOptions]) -> Answer:
        """As with `Client`."""
        return await self._run(deeper(self._core, answer, options))

    async def feedback(
        self, about: Outcome | str, *, thumb: Thumb | None = None, score: float | None = None, note: str | None = None
    ) -> Feedback:
        """As with `Client`."""
        from gateway_config.runtime.records.feedback import give_feedback

        return await asyncio.to_thread(give_feedback, self._core, about, thumb, score, note)

    async def warm(
        self, intent: str, inputs: Sequence[tuple[str, Mapping[str, str]]], **options: Unpack[AskOptions]
    ) -> AsyncIterator[Answer]:
        """As with `Client`, for `async for`."""
        failed: dict[int, ClientError] = {}
        pairs = pairs_of(inputs)
        for number, (text, fields) in enumerate(pairs, 1):
            options["cache"] = fields
            try:
                answer = await self.ask(intent, text, **options)
            except ClientError as error:
                failed[number] = error
            else:
                yield answer
        raise_cold(failed, len(pairs))

    async def _run(self, flow: Flow[T]) -> T:
        return await drive_async(flow, self._connected())

    def _connected(self) -> httpx.AsyncBaseTransport:
        """The connections of the event loop that runs."""
        self._go_on()
        return self._given if self._given is not None else self._by_loop.here()
