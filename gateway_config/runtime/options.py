"""What a caller may say with a call, beside the intent and the input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from gateway_config.runtime.errors import InputError
from gateway_config.runtime.facts import Facts, Scalar, did_you_mean


class CallOptions(TypedDict, total=False):
    """Who asks: `user`, `tenant`, `project`. `arm` pins an arm by name. `deadline_ms` replaces the route's."""

    user: str | None
    tenant: str | None
    project: str | None
    arm: str | None
    metadata: Mapping[str, Scalar] | None
    deadline_ms: int | None


class AskOptions(CallOptions, total=False):
    """`parameters` are further keys of an OpenAI chat body, such as `top_p`; the shortcuts come before them."""

    temperature: float | None
    max_tokens: int | None
    parameters: Mapping[str, Any] | None


_OF_THE_CLIENT = frozenset({"model", "messages", "stream", "stream_options"})


def facts_of(intent: str, options: Mapping[str, Any], known: type[Any]) -> Facts:
    """The facts that the options state. Raises InputError for an option that does not exist."""
    if options.keys() - known.__annotations__.keys():
        unknown = min(options.keys() - known.__annotations__.keys())
        raise InputError(f"there is no option {unknown!r}. {did_you_mean(unknown, known.__annotations__)}")
    return Facts(
        intent,
        user=options.get("user"),
        tenant=options.get("tenant"),
        project=options.get("project"),
        arm=options.get("arm"),
        metadata=options.get("metadata") or {},
    )


def deadline_of(options: Mapping[str, Any]) -> int | None:
    """The caller's own time limit in milliseconds."""
    deadline = options.get("deadline_ms")
    if deadline is None:
        return None
    if not isinstance(deadline, int) or isinstance(deadline, bool) or deadline <= 0:
        raise InputError(f"deadline_ms is a whole number of milliseconds above 0; found {deadline!r}.")
    return deadline


def parameters_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the caller adds to the body."""
    parameters = dict(options.get("parameters") or {})
    if taken := _OF_THE_CLIENT & parameters.keys():
        raise InputError(f"`parameters` cannot set {min(taken)!r}: the client does.")
    for key in ("temperature", "max_tokens"):
        if options.get(key) is not None:
            parameters[key] = options[key]
    return parameters
