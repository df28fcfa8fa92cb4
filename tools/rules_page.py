"""Prints docs/rules.md: every rule with its sentence, its severity, and the two examples of its golden case."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from gateway_config import stray_files
from gateway_config.load import examine_documents
from gateway_config.problems import Problem
from gateway_config.reading import Document
from gateway_config.rules import RULES
from gateway_config.rules.registry import Rule
from tools.command import ROOT

EXAMPLES = ROOT / "tests" / "golden" / "rules"
# Dated rules depend on the day, and the examples are looked at on this one.
TODAY = datetime.date(2026, 11, 21)

READING: Mapping[str, str] = {
    "file-unreadable": "A file of the config is a regular file that can be opened.",
    "file-ignored": "Every file that looks like config is read: `gateway.yaml`, and YAML right in `routes`.",
    "file-too-large": "A file has at most a million bytes.",
    "encoding": "Files are UTF-8.",
    "invisible-character": "What is read is what is seen: no characters that hide, or turn the writing round.",
    "yaml-syntax": "A file is one YAML mapping.",
    "yaml-tab": "Lines are indented by spaces.",
    "yaml-alias": "Values are written out: no anchors, aliases or tags.",
    "yaml-depth": "Values are nested at most 32 deep.",
    "yaml-ambiguous": "What YAML readers take for different things (`yes`, `1e3`, `0x1F`, `08`) is not guessed at.",
    "duplicate-key": "A key stands once in its mapping.",
    "credential": "No value looks like a credential; such a value is never shown.",
    "route-name": "A route is named by its file, with hyphens between its words, and by one file only.",
    "unknown-key": "Every key is known; a near miss is named.",
    "missing-key": "The keys that have no default are there.",
    "wrong-type": "A text is a text, a number is a number without quotes, a list is a list.",
    "wrong-value": "A value is one of those that its key takes.",
}

# What reading warns of; everything else that it finds is an error.
WARNED = frozenset({"file-ignored"})

HEAD = """# Rules

What `gatewright check` looks at. Every problem has a place, says what was found, and says what to do.
An *error* stops everything; a *warning* fails `check --strict` only; a *remark* is shown. *Dated* rules
depend on the day: they fail `check`, and never stop a program that worked yesterday.

A rule that can be tuned is tuned for all routes in `gateway.yaml`, or allowed for one route in its file, each
with a reason:

```yaml
rules: # gateway.yaml
  unused-model: {severity: "off", reason: "models are kept for the benchmark"}
```

```yaml
allow: # routes/chat.yaml
  missing-fallback: "an hour of silence is fine here"
```

This page is generated from the rules and their golden cases (`tests/golden/rules`) by `scripts/generate`.
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A small config: the files that matter, and all of them with the rest from `base`; None is what is no file."""

    shown: Mapping[str, bytes | None]
    files: Mapping[str, bytes | None]

    def problems(self) -> list[Problem]:
        """Everything that reading and the rules find, as for the stage dev."""
        ignored = stray_files.ignored((name, name) for name in self.files)
        unread = {"gateway.yaml", *(problem.place.file for problem in ignored)}
        names = ["gateway.yaml", *sorted(self.files.keys() - unread)]
        documents = [_document(name, self.files[name]) for name in names]
        return sorted([*ignored, *examine_documents(documents, "dev", TODAY)[1]])


def _document(name: str, content: bytes | None) -> Document:
    return Document.unread(name, "it is no regular file") if content is None else Document(name, content)


def example(id: str, side: str) -> Example:
    """The wrong or right example of a rule."""
    own = _files(EXAMPLES / id / side)
    if (id, side) == ("file-too-large", "wrong"):
        own = {name: (content or b"") + b"# " + b"-" * 1_000_000 for name, content in own.items()}
    return Example(own, {**_files(EXAMPLES / "base"), **own})


def _files(folder: Path) -> dict[str, bytes | None]:
    found = sorted(folder.rglob("*.yaml"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_sections()])


def _sections() -> Iterator[str]:
    yield "## Reading\n\nThese cannot be tuned: what was meant is not known.\n"
    for id, promise in READING.items():
        yield _section(id, "warning" if id in WARNED else "error", promise)
    for module, rules in groupby(RULES.values(), lambda rule: rule.function.__module__):
        yield f"## {_title(module)}\n"
        for rule in rules:
            yield _section(rule.id, _kind(rule), str(rule.function.__doc__))


def _title(module: str) -> str:
    if module.endswith("registry"):
        return "Tuning"
    sentence = (sys.modules[module].__doc__ or "").strip()
    return sentence.removeprefix("Rules about ").split(":")[0].rstrip(".").capitalize()


def _kind(rule: Rule) -> str:
    tuned = "" if rule.tunable else ", cannot be tuned"
    return f"{rule.severity.value}{', dated' if rule.dated else ''}{tuned}"


def _section(id: str, kind: str, promise: str) -> str:
    wrong, right = example(id, "wrong"), example(id, "right")
    found = "\n".join(str(problem) for problem in wrong.problems())
    complaint = f"```text\n{found}\n```\n"
    return "\n".join(
        [f"### {id}\n\n{promise} *({kind})*\n", *_blocks("Wrong", wrong), complaint, *_blocks("Right", right)]
    )


def _blocks(side: str, own: Example) -> Iterator[str]:
    for name, content in own.shown.items():
        text = "a folder, and not a file\n" if content is None else _text(content)
        yield f"{side}, `{name}`:\n\n```yaml\n{text}```\n"


def _text(content: bytes) -> str:
    text = content[:2_000].decode(errors="replace").replace("\u202e", "⟨U+202E⟩")
    return text if len(content) <= 2_000 else f"{text[:400].rstrip('-')} (a million characters)\n"


if __name__ == "__main__":
    sys.stdout.write(page())
