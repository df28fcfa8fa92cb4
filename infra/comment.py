"""A preview as Markdown for a pull request: what the change means first, what the engine would do folded away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway_config.commands.diff import plain_data
from gateway_config.compile import compile_config
from gateway_config.errors import GatewrightError
from gateway_config.load import load_documents, read
from gateway_config.problems import looks_like_credential
from gateway_config.revisions import documents_at
from gateway_config.telling.diff import Change, ConfigDiff, RouteDiff, config_diff, gateway_changes
from gateway_config.telling.words import counted
from infra.changes import Outcome, ResourceChange
from infra.provider.values import UNKNOWN

LIMIT_BYTES = 32_000
"""GitHub takes 65,536 characters in a comment, and two stages share one. No text has more characters than bytes."""
_LAST_LINE_BYTES = 400
_VALUE_CHARACTERS = 160
_MACHINE_PATH = re.compile(r"(?:\bfile://|(?<![\w.:/@-]))/(?:[^\s/\"'`:]+/)+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a change of config means since a revision; `unknown` says why that cannot be told."""

    since: str
    diff: ConfigDiff = field(default_factory=ConfigDiff)
    unknown: str = ""


def meaning_of(directory: Path, stage: str, since: str) -> Meaning:
    """Compares the config of a folder with what it was at a git revision.

    Raises ConfigError where the config of today has problems; one that had some in the past is no reason to fail.
    """
    new = load_documents(read(directory), stage)
    try:
        old = load_documents(documents_at(directory, since), stage)
    except GatewrightError as error:
        return Meaning(since, unknown=str(error).splitlines()[0])
    diff = config_diff(compile_config(old), compile_config(new))
    return Meaning(since, replace(diff, settings=(*gateway_changes(old.file, new.file), *diff.settings)))


def comment(stage: str, outcome: Outcome, meaning: Meaning | None = None, limit_bytes: int = LIMIT_BYTES) -> str:
    """The preview of one stage, at most `limit_bytes` of UTF-8 long.

    What finds no room is counted in the last line. It holds no credential and no path of the machine that made it,
    and names stand in code, so that `@cf/…` calls nobody.
    """
    sections = [*_refused(outcome), *_by_hand(outcome.put_back), *_notes(outcome.notices)]
    sections += [*_meaning(meaning)] if meaning else []
    sections += _resources(outcome.due)
    rest = f"`gatewright preview --stage {stage}` shows all of it."
    return _bounded(f"### {_code(stage)}: {_summary(outcome.due)}\n", sections, rest, limit_bytes)


def _summary(changes: Sequence[ResourceChange]) -> str:
    operations = [change.told_operation for change in changes]
    counts = [f"{operations.count(operation)} to {operation}" for operation in dict.fromkeys(operations)]
    return ", ".join(counts) or "nothing changes at Cloudflare"


# --- sections, the most important first ---


@dataclass(frozen=True, slots=True)
class _Section:
    """Lines under an opening; `what` names them where they are cut."""

    what: str
    opening: str
    lines: Sequence[str]
    closing: str = ""


def _refused(outcome: Outcome) -> Iterator[_Section]:
    """What `up` will not do, whoever approves it."""
    lines = [f"> - {_code(sentence, characters=400)}\n" for sentence in outcome.refusals]
    if lines:
        opening = "\n> [!CAUTION]\n> The thresholds of this stage refuse this; `up` will need `--override`.\n"
        yield _Section("refusals", opening, lines)
    if outcome.held:
        routes = [f"> - {_code(name)}\n" for name in outcome.held]
        opening = "\n> [!IMPORTANT]\n> Somebody rolled these back; `up` leaves them until the config agrees.\n"
        yield _Section("held routes", opening, routes)


def _by_hand(drift: Sequence[ResourceChange]) -> Iterator[_Section]:
    lines = [f"> - {line}\n" for change in drift for line in _leaves(change, of=True)]
    if lines:
        opening = "\n> [!WARNING]\n> Changed by hand since the last `up`; the next one puts it back.\n"
        yield _Section("changes by hand", opening, lines)


def _notes(notices: Sequence[str]) -> Iterator[_Section]:
    if notices:
        yield _Section("notes", "\n", [f"- Note: {_code(notice, characters=1000)}\n" for notice in notices])


def _meaning(meaning: Meaning) -> Iterator[_Section]:
    since, diff = _code(meaning.since), meaning.diff
    if meaning.unknown:
        yield _Section("notes", "\n", [f"What changed since {since} cannot be told: {_code(meaning.unknown)}\n"])
        return
    if not diff:
        yield _Section("notes", "\n", [f"The config means what it meant at {since}.\n"])
        return
    table = f"\n| since {since} | what | before | after |\n|---|---|---|---|\n"
    if rows := [*_routes(diff)]:
        yield _Section("rows on routes", table, rows)
    if sentences := [*_sentences(diff.changed)]:
        yield _Section("sentences on routes", "\n", sentences)
    if rows := [*_settings(diff)]:
        title = f"\n<details><summary>{counted(len(rows), 'change')} of settings</summary>\n"
        yield _Section("settings", title + table, rows, "\n</details>\n")


def _routes(diff: ConfigDiff) -> Iterator[str]:
    yield from (_row(name, "a new route", None, None) for name in diff.added)
    yield from (_row(name, "the route goes", None, None) for name in diff.removed)
    for route in diff.changed:
        yield from (_changed(route.name, "share of ", change, " %") for change in route.shares)
        yield from (_changed(route.name, "model of ", change) for change in route.models)


def _sentences(routes: Iterable[RouteDiff]) -> Iterator[str]:
    for route in routes:
        for move in route.moves:
            moved = f"{counted(move.buckets, 'bucket')} of 100 {'moves' if move.buckets == 1 else 'move'}"
            yield f"- {_code(route.name)}: {moved} from {_code(move.before)} to {_code(move.after)}.\n"
        if not route.deploys:
            yield f"- {_code(route.name)}: only callers notice; Cloudflare gets no new version.\n"


def _settings(diff: ConfigDiff) -> Iterator[str]:
    for route in diff.changed:
        for change in (*route.parameters, *route.settings, *route.ways):
            yield _changed(route.name, "", change)
    yield from (_changed("all routes", "", change) for change in diff.settings)


def _changed(route: str, prefix: str, change: Change, unit: str = "") -> str:
    before, after = (None if value is None else f"{_text(value)}{unit}" for value in (change.before, change.after))
    return _row(route, f"{prefix}{_code(change.what)}", before, after)


def _row(route: str, what: str, before: str | None, after: str | None) -> str:
    cells = (_code(route), what, *("" if value is None else _code(value) for value in (before, after)))
    escaped = (cell.replace("|", "\\|") for cell in cells)  # a table reads it so within code, too
    return f"| {' | '.join(escaped)} |\n"


def _resources(changes: Sequence[ResourceChange]) -> Iterator[_Section]:
    lines: list[str] = []
    for change in changes:
        lines.append(f"- {change.told_operation} {_code(change.type.split(':')[-1])} {_code(change.name)}\n")
        lines.extend(f"  - {line}\n" for line in _leaves(change))
    if lines:
        opening = f"\n<details><summary>What `up` would do: {counted(len(changes), 'resource')}</summary>\n\n"
        yield _Section("lines on resources", opening, lines, "\n</details>\n")


def _leaves(change: ResourceChange, of: bool = False) -> Iterator[str]:
    """Each property that differs; `of` says of which resource. A resource without any is named by itself."""
    whose = f"{_code(change.name)} " if of else ""
    for leaf in change.differences:
        yield f"{whose}{_code(leaf.path)}: {_code(leaf.before)} → {_code(leaf.after)}"
    if of and not change.differences:
        yield f"{_code(change.name)}{' was deleted' if change.operation == 'delete' else ''}"


# --- values, and how much of all this there is room for ---


def _code(value: Any, characters: int = _VALUE_CHARACTERS) -> str:
    """A value as a code span of one line."""
    text = _text(value)
    text = text if len(text) <= characters else f"{text[: characters - 1]}…"
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def _text(value: Any) -> str:
    """A value in one line, without credentials and without folders of this machine."""
    if value is None:
        return "none"
    data = plain_data(value)
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, default=str)
    text = text.replace(UNKNOWN, "(known after up)")
    if looks_like_credential(text):
        return "(hidden)"
    return _MACHINE_PATH.sub("…/", " ".join(text.split())) or '""'


def _bounded(head: str, sections: Iterable[_Section], rest: str, limit_bytes: int) -> str:
    """The text of the sections in order, as long as there is room; the last line says what was cut."""
    parts, cut, room = [head], list[str](), limit_bytes - _LAST_LINE_BYTES - _size(head)
    for section in sections:
        lines = _fitting(section, room)
        if lines:
            parts.append(f"{section.opening}{''.join(lines)}{section.closing}")
            room -= _size(parts[-1])
        if len(lines) < len(section.lines):
            cut.append(f"{len(section.lines) - len(lines)} of {len(section.lines)} {section.what}")
    return "".join(parts) + (f"\nCut to fit a comment: {', '.join(cut)}. {rest}\n" if cut else "")


def _fitting(section: _Section, room: int) -> Sequence[str]:
    room -= _size(section.opening) + _size(section.closing)
    for number, line in enumerate(section.lines):
        room -= _size(line)
        if room < 0:
            return section.lines[:number]
    return section.lines


def _size(text: str) -> int:
    return len(text.encode())
