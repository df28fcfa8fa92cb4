"""The client that applications use, blocking: an intent in, an answer out."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
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
from gateway_config.runtime.sending.door import transport_of
from gateway_config.runtime.sending.drive import Stream, drive
from gateway_config.runtime.sending.flow import Flow
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


class Client(Base):
    """Asks intents, blocking. One for the whole application: it pools connections and is safe for threads.

    `records` is the folder of usage records (else GATEWRIGHT_RECORDS; else there are none). `on_drift` is told when
    a model answers that was not declared; with `refuse_drift` its answer is a DriftError. `transport` replaces the
    network, in tests.
    """

    def __init__(
        self,
        config: CompiledConfig,
        settings: Settings | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
        records: Path | str | None = None,
        refuse_drift: bool = False,
    ) -> None:
        super().__init__(config, settings, on_drift, records, refuse_drift)
        self._transport = transport or transport_of(self._core.settings)
        if transport is None:
            weakref.finalize(self, self._transport.close).atexit = False  # threads may still ask while a process ends

    @classmethod
    def from_files(
        cls,
        directory: Path | str | None = None,
        *,
        stage: str | None = None,
        settings: Settings | None = None,
        transport: httpx.BaseTransport | None = None,
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
        transport: httpx.BaseTransport | None = None,
        on_drift: Callable[[Drift], None] | None = None,
        records: Path | str | None = None,
        refuse_drift: bool = False,
    ) -> Self:
        """A client that lives by the config that `up` published, and follows it; see `config_state`.

        `publication` is that of the environment (GATEWRIGHT_CONFIG_BUCKET, …) unless it is given.
        """
        publication, etag, config = cls._published(publication)
        client = cls(
            config, settings, transport=transport, on_drift=on_drift, records=records, refuse_drift=refuse_drift
        )
        return client._follow(publication, etag, poll_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections, and closes the segment of records. A call after this begins anew."""
        self._ended()
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
        return Stream(stream(self._core, intent, text, options), self._connected)

    def image(self, intent: str, prompt: str, **options: Unpack[ImageOptions]) -> Image:
        """A picture of 1024 × 1024 pixels, unless `width` and `height` say otherwise."""
        from gateway_config.runtime.kinds.image import image

        return self._run(image(self._core, intent, prompt, options))

    def embed(self, intent: str, texts: str | Sequence[str], **options: Unpack[EmbedOptions]) -> Embeddings:
        """One vector for each text, in their order; at most 100 at once."""
        from gateway_config.runtime.kinds.embed import embed

        return self._run(embed(self._core, intent, texts, options))

    def rerank(self, intent: str, query: str, documents: Sequence[str], **options: Unpack[RerankOptions]) -> Ranking:
        """The documents in the order in which they answer the query."""
        from gateway_config.runtime.kinds.rerank import rerank

        return self._run(rerank(self._core, intent, query, documents, options))

    def transcribe(self, intent: str, audio: bytes, **options: Unpack[TranscribeOptions]) -> Transcript:
        """What is said in a recording of at most 25 MB as it is sent (which is a third more for a model of base64)."""
        from gateway_config.runtime.kinds.transcribe import transcribe

        return self._run(transcribe(self._core, intent, audio, options))

    def speak(self, intent: str, text: str, **options: Unpack[SpeakOptions]) -> Speech:
        """The text, spoken."""
        from gateway_config.runtime.kinds.speak import speak

        return self._run(speak(self._core, intent, text, options))

    def classify(self, intent: str, text: str | Sequence[Message], **options: Unpack[CallOptions]) -> Verdict:
        """Whether a text, or the last message of a conversation, is safe, and which hazards it holds."""
        from gateway_config.runtime.kinds.classify import classify

        return self._run(classify(self._core, intent, text, options))

    def batch(
        self, intent: str, inputs: Sequence[str | Sequence[Message]], poll_s: float = 5.0, **options: Unpack[AskOptions]
    ) -> list[Job]:
        """The answers to up to 1,000 inputs that are queued at once, in their order; waits until all are there.

        By Cloudflare's REST API with CLOUDFLARE_API_TOKEN: no gateway is known to pass batches.
        """
        from gateway_config.runtime.kinds.batch import batch

        return batch(self._core, intent, inputs, options, poll_s)

    def deeper(self, answer: Answer, **options: Unpack[AskOptions]) -> Answer:
        """The same question once more, on the frontier tier; its record names the answer that it went deeper than.

        Raises InputError for an answer that came from that tier already, or whose route has no tiers.
        """
        return self._run(deeper(self._core, answer, options))

    def feedback(
        self, about: Outcome | str, *, thumb: Thumb | None = None, score: float | None = None, note: str | None = None
    ) -> Feedback:
        """What somebody thought of an answer, or of the trace of one: a thumb, a score from 0 to 100, a note.

        Always into our records; into the gateway's log too where CLOUDFLARE_API_TOKEN may, and the account has one.
        """
        from gateway_config.runtime.records.feedback import give_feedback

        return give_feedback(self._core, about, thumb, score, note)

    def warm(
        self, intent: str, inputs: Sequence[tuple[str, Mapping[str, str]]], **options: Unpack[AskOptions]
    ) -> Iterator[Answer]:
        """Fills the route's cache: asks each text with its fields of the key, and gives each answer as it comes.

        One that fails stops no other: its error is raised after the last, and says which inputs failed.
        """
        failed: dict[int, ClientError] = {}
        pairs = pairs_of(inputs)
        for number, (text, fields) in enumerate(pairs, 1):
            options["cache"] = fields
            try:
                answer = self.ask(intent, text, **options)
            except ClientError as error:
                failed[number] = error
            else:
                yield answer
        raise_cold(failed, len(pairs))

    def _run(self, flow: Flow[T]) -> T:
        return drive(flow, self._connected())

    def _connected(self) -> httpx.BaseTransport:
        self._go_on()
        return self._transport
