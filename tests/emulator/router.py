"""Which function answers which path.  An operation declares its evidence where it is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from urllib.parse import unquote

from tests.emulator.evidence import Tag
from tests.emulator.web import Call, Reply

if TYPE_CHECKING:
    from tests.emulator.world import World

Handler: TypeAlias = "Callable[[World, Call], Reply | Awaitable[Reply]]"
Answer = TypeVar("Answer", bound="Callable[[World, Call], Reply | Awaitable[Reply]]")


@dataclass(frozen=True)
class Operation:
    """One thing a client can do: method and path template, who answers, how well it is known."""

    method: str
    template: str
    answer: Handler
    tag: Tag
    source: str
    needs: tuple[str, ...]  # permission groups, any of which suffices
    summary: str


@dataclass
class Branch:
    """A place in the tree of path segments."""

    fixed: dict[str, Branch] = field(default_factory=dict)
    parameter: tuple[str, Branch] | None = None
    tail: tuple[str, dict[str, Operation]] | None = None
    operations: dict[str, Operation] = field(default_factory=dict)


OPERATIONS: list[Operation] = []
ROOT = Branch()
Found: TypeAlias = tuple[dict[str, Operation], dict[str, str]]


def operation(
    method: str, template: str, tag: Tag, source: str, needs: tuple[str, ...] = ()
) -> Callable[[Answer], Answer]:
    """Declare that the decorated function answers `method template`.

    `{x}` in the template is one segment, `{x*}` at its end is all that is left.
    """

    def register(answer: Answer) -> Answer:
        summary = (answer.__doc__ or "").strip().split("\n")[0]
        _add(Operation(method, template, answer, tag, source, needs, summary))
        return answer

    return register


def _add(new: Operation) -> None:
    branch = ROOT
    for segment in new.template.strip("/").split("/"):
        if segment.endswith("*}"):
            branch.tail = branch.tail or (segment[1:-2], {})
            branch.tail[1][new.method] = new
            break
        if segment.startswith("{"):
            branch.parameter = branch.parameter or (segment[1:-1], Branch())
            branch = branch.parameter[1]
        else:
            branch = branch.fixed.setdefault(segment, Branch())
    else:
        branch.operations[new.method] = new
    OPERATIONS.append(new)


def find(path: str) -> Found | None:
    """The operations at a (still percent-encoded) path by method, and its parameters."""
    segments = path.strip("/").split("/")
    if any(unquote(segment) in (".", "..") for segment in segments):
        return None
    return _descend(ROOT, segments, {})


def _descend(branch: Branch, segments: list[str], params: dict[str, str]) -> Found | None:
    if not segments:
        return (branch.operations, params) if branch.operations else None
    head, rest = segments[0], segments[1:]
    if (child := branch.fixed.get(head)) and (found := _descend(child, rest, params)):
        return found
    if branch.parameter and head:
        name, child = branch.parameter
        if found := _descend(child, rest, {**params, name: unquote(head)}):
            return found
    if branch.tail:
        name, operations = branch.tail
        return operations, {**params, name: unquote("/".join(segments))}
    return None
