"""What a caller may say with a call, beside the intent and the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from gateway_config.compiled import TIERS
from gateway_config.runtime.errors import InputError
from gateway_config.runtime.facts import Facts, Scalar, did_you_mean, is_text, mapping_of, no_text, shown

if TYPE_CHECKING:
    from pydantic import BaseModel

TierName = Literal["edge", "frontier"]
Effort = Literal["low", "medium", "high"]
Summary = Literal["auto", "concise", "detailed"]
EFFORTS, SUMMARIES = ("low", "medium", "high"), ("auto", "concise", "detailed")


class CallOptions(TypedDict, total=False):
    """Who asks: `user`, `tenant`, `project`. `arm` pins an arm by name. `deadline_ms` replaces the route's."""

    user: str | None
    tenant: str | None
    project: str | None
    arm: str | None
    tier: TierName | None
    metadata: Mapping[str, Scalar] | None
    deadline_ms: int | None


class AskOptions(CallOptions, total=False):
    """What a text model is told.

    `images`: bytes, https URLs or data URIs, for a vision route. `schema`: a pydantic class or a JSON Schema that the
    answer must fit. `effort` and `summary`: of reasoning. `cache`: the fields of the route's cache key; `fresh`: do
    not read the cache. `parameters`: further keys of an OpenAI chat body, such as `top_p`.
    """

    temperature: float | None
    max_tokens: int | None
    parameters: Mapping[str, Any] | None
    images: Sequence[bytes | str] | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    schema: type[BaseModel] | Mapping[str, Any] | None
    effort: Effort | None
    summary: Summary | None
    cache: Mapping[str, str] | None
    fresh: bool


class ImageOptions(CallOptions, total=False):
    """`references` are pictures to start from; `steps` decides about quality, time and cost."""

    width: int
    height: int
    steps: int | None
    references: Sequence[bytes]


class EmbedOptions(CallOptions, total=False):
    """`pooling`: vectors of "cls" and of "mean" cannot be compared with each other."""

    pooling: Literal["mean", "cls"] | None


class RerankOptions(CallOptions, total=False):
    """`top`: how many of the documents to give back, the best ones."""

    top: int | None


class TranscribeOptions(CallOptions, total=False):
    """`language` as "en"; `prompt`: words that are likely to occur."""

    language: str | None
    prompt: str | None


class SpeakOptions(CallOptions, total=False):
    """`voice` and `language`, where the model has several."""

    voice: str | None
    language: str | None


def facts_of(intent: str, options: Mapping[str, Any], known: type[Any]) -> Facts:
    """The facts that the options state. Raises InputError for an option that does not exist."""
    names = options_of(known)
    if options.keys() - names:
        unknown = min(options.keys() - names)
        raise InputError(f"there is no option {unknown!r} here. {did_you_mean(unknown, names)}")
    tier = options.get("tier")
    if tier is not None and tier not in TIERS:
        raise InputError(f"a tier is {' or '.join(TIERS)}; found {shown(tier)}.")
    return Facts(
        intent,
        user=options.get("user"),
        tenant=options.get("tenant"),
        project=options.get("project"),
        arm=options.get("arm"),
        tier=tier,
        metadata=mapping_of("metadata", options.get("metadata")),
    )


def options_of(known: type[Any]) -> frozenset[str]:
    """The names of all options, those of the classes before included."""
    return frozenset(known.__required_keys__ | known.__optional_keys__)


def deadline_of(options: Mapping[str, Any]) -> int | None:
    """The caller's own time limit in milliseconds."""
    deadline = options.get("deadline_ms")
    return None if deadline is None else whole_number("deadline_ms", deadline, 1, 3_600_000)


def whole_number(name: str, value: object, least: int, most: int) -> int:
    """The value, if it is a whole number in the range. Raises InputError."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"{name} is a whole number from {least:,} to {most:,}; found {shown(value)}.")
    return value


def number_between(name: str, value: object, least: float, most: float) -> float:
    """The value, if it is a number in the range. Raises InputError."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"{name} is a number from {least:g} to {most:g}; found {shown(value)}.")
    return value


def files_of(name: str, value: object) -> Sequence[Any]:
    """The several that an option is; none where it is left out. Raises InputError."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise InputError(f"{name} is a list; found {shown(value)}.")
    return value


def one_of(name: str, value: Any, known: Sequence[str]) -> Any:
    """The value, if it is one of these or None. Raises InputError."""
    if value is not None and (not isinstance(value, str) or value not in known):
        raise InputError(f"{name} is one of {', '.join(known)}; found {shown(value)}.")
    return value


def text_of_caller(what: str, text: object) -> str:
    """The text, if it is one that says something and can be sent. Raises InputError."""
    if not is_text(text) or not str(text).strip():
        raise no_text(what, text)
    return str(text)


def words_of(name: str, value: object) -> str | None:
    """The text that an option is, or None where it is left out. Raises InputError."""
    return None if value is None else text_of_caller(name, value)
