"""Mutated config texts: whatever stands in a file, the answer is problems or a config, soon, and never an exception.

`scripts/fuzz [COUNT] [--seed N]` tries many; what it finds belongs into tests/fuzz_corpus.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import yaml

from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledConfig
from gateway_config.config import GatewayConfig
from gateway_config.decide import Metadata, decide, distribution
from gateway_config.graph import graph_digest
from gateway_config.load import examine_documents
from gateway_config.problems import Problem, Severity
from gateway_config.reading import Document
from gateway_config.rules import RULES
from gateway_config.wire import from_wire, to_wire
from tests.counting import at_least_one
from tools.rules_page import READING, TODAY

ROOT = Path(__file__).parent
CORPUS = ROOT / "fuzz_corpus"
CANARY = "test-" + "0a1b2c3d" * 5
SLOWEST_S = 5.0

REQUESTS: tuple[Metadata, ...] = (
    {},
    {"bucket": "07", "plan": "free", "tier": "edge"},
    {"intent": "chat", "bucket": 7},
)

Files = dict[str, bytes]


def samples() -> list[Files]:
    """The configs that mutations start from: the repository's, and the golden cases of the compiler."""
    base = (ROOT / "golden" / "compile" / "base" / "gateway.yaml").read_bytes()
    cases = [path for path in sorted((ROOT / "golden" / "compile").iterdir()) if path.name != "base"]
    made = [{"gateway.yaml": base, **_read(case)} for case in cases]
    own = ROOT.parent / "gateway_config"
    return [*made, {"gateway.yaml": (own / "gateway.yaml").read_bytes(), **_read(own / "routes")}]


def _read(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.yaml"))}


# --- what must hold ---------------------------------------------------------------------------------------------------


def examined(files: Files) -> tuple[GatewayConfig | None, list[Problem]]:
    """As a command would look at these files."""
    routes = [(f"routes/{name}", content) for name, content in files.items() if name != "gateway.yaml"]
    documents = [Document(name, content) for name, content in [("gateway.yaml", files["gateway.yaml"]), *routes]]
    return examine_documents(documents, "dev", TODAY)


def answer(files: Files) -> str:
    """What came of these files: the rule of the first error, or `compiled`. An AssertionError says what is wrong."""
    began = time.monotonic()
    config, problems = examined(files)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    for problem in problems:
        assert problem.rule in RULES or problem.rule in READING, problem.rule
        assert CANARY not in str(problem), "a credential is shown"
        assert problem.message.isprintable(), problem.message
    assert config is not None or errors, "neither a config nor a problem"
    if config is not None and not errors:
        live(compile_config(config))
    assert time.monotonic() - began < SLOWEST_S, "slow"
    return errors[0].rule if errors else "compiled"


def live(config: CompiledConfig) -> None:
    """Use a compiled config as both sides do."""
    assert CompiledConfig.from_json(config.to_json()).to_json() == config.to_json()
    for route in config.routes.values():
        assert graph_digest(from_wire(to_wire(route.graph))) == route.graph_digest
        for metadata in REQUESTS:
            decide(route.graph, metadata)
            assert sum(distribution(route.graph, metadata).values(), Fraction(0)) == 1


# --- mutations --------------------------------------------------------------------------------------------------------

STRANGE = (
    *(
        "yes",
        "~",
        "1e3",
        "0x1F",
        "08",
        "-1",
        "0",
        "1.5",
        "9" * 18,
        "9" * 40,
        ".nan",
        "2026-02-30",
        "2026-02-28",
        "true",
    ),
    *(
        "[]",
        "{}",
        "[[]]",
        "{a: 1}",
        "[1, x]",
        '""',
        '"\\0"',
        '"\\e[31m"',
        '"\\ud800"',
        "'",
        '"',
        "|",
        ">",
        "? x",
        "- ",
        "...",
    ),
    *("*a", "&a x", "!!binary x", "!x {}", "<<: *a", "---", "%YAML 9", "@x", "`x", "# x", ": x", "{", "]", ", ,"),
    *(
        '"nan%"',
        '"-5%"',
        '"100%"',
        "else",
        "start",
        "end",
        "stop",
        "tenant",
        "rest",
        "metadata.x",
        "$gt",
        "$in",
        "bucket",
    ),
    *(CANARY, f"Bearer {CANARY}", "a" * 70, "Ü", "日本", "\u202e", "\u2028", "\ufeff", "x" * 300, "{{x}", "%d", "{0}"),
)
ODD = (
    "\0",
    "\x07",
    "\x1b",
    "\x85",
    "\u2028",
    "\u202e",
    "\ufeff",
    "\ud800",
    "\uffff",
    "😀",
    "e\u0301",
    "\t",
    "\r",
    "\u00a0",
)


def flip(content: bytes, chance: Random) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + bytes([chance.randrange(256)]) + content[place + chance.randrange(2) :]


def cut(content: bytes, chance: Random) -> bytes:
    first, last = sorted(chance.choices(range(len(content) + 1), k=2))
    return content[:first] + content[last:] if chance.randrange(2) else content[first:last]


def repeat(content: bytes, chance: Random) -> bytes:
    first, last = sorted(chance.choices(range(len(content) + 1), k=2))
    return content[:last] + content[first:last] * chance.choice((1, 2, 50)) + content[last:]


def odd_character(content: bytes, chance: Random) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + chance.choice(ODD).encode("utf-8", "surrogatepass") + content[place:]


def other_encoding(content: bytes, chance: Random) -> bytes:
    text = content.decode("utf-8", "replace")
    return chance.choice(
        (
            text.encode("utf-16"),
            text.encode("utf-8-sig"),
            text.encode("latin-1", "replace") + b"\xe9",
            text.replace("\n", "\r").encode(),
            text.replace("\n", "\r\n").encode(),
            text.replace(" ", "\t").encode(),
        )
    )


def line(content: bytes, chance: Random) -> bytes:
    lines = content.split(b"\n")
    place, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            del lines[place]
        case 1:
            lines.insert(place, lines[other])
        case 2:
            lines[place], lines[other] = lines[other], lines[place]
        case _:
            lines[place] = b" " * chance.randrange(4) + lines[place].lstrip()
    return b"\n".join(lines)


def word(content: bytes, chance: Random) -> bytes:
    """Put something strange in place of a word, or in front of it."""
    text = content.decode("utf-8", "replace")
    words = [place for place in range(1, len(text)) if text[place - 1] in " [{,:\n" and text[place].isalnum()]
    if not words:
        return content
    first = chance.choice(words)
    last = next((place for place in range(first, len(text)) if text[place] in " ]},:\n"), len(text))
    return (text[:first] + chance.choice(STRANGE) + text[chance.choice((first, last)) :]).encode()


def tree(content: bytes, chance: Random) -> bytes:
    """Move, remove or replace values, and keep the YAML in order."""
    try:
        data = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError):
        return content
    holders = [*_holders(data)]
    if not holders:
        return content
    holder = chance.choice(holders)
    key = chance.choice([*holder] if isinstance(holder, dict) else range(len(holder)))
    other = chance.choice(holders)
    values = [*other.values()] if isinstance(other, dict) else other
    match chance.randrange(4):
        case 0:
            del holder[key]
        case 1:
            holder[key] = deepcopy(chance.choice(values))
        case 2:
            holder[key] = chance.choice(
                (None, True, -1, 10**17, 1.5, "", "x", [], {}, [None], {"x": {"y": []}}, STRANGE[-3])
            )
        case _ if isinstance(holder, dict):
            holder[chance.choice([str(one) for one in (*other, *STRANGE)])] = deepcopy(holder[key])
        case _:
            holder.append(deepcopy(chance.choice(values)))
    try:
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True).encode("utf-8", "replace")
    except (RecursionError, yaml.YAMLError):
        return content


def _holders(value: Any) -> Iterator[Any]:
    """Every mapping and list that holds something."""
    pending = [value]
    while pending:
        own = pending.pop()
        if isinstance(own, dict | list) and own:
            yield own
            pending += own.values() if isinstance(own, dict) else own


MUTATIONS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(flip, cut, repeat, odd_character, other_encoding, line),
    *(word, word, word, word, word, tree, tree, tree, tree, tree, tree),
)


def mutated(seed: int, sources: list[Files]) -> Files:
    """The files of this seed: one of the samples with a few changes."""
    chance = Random(seed)
    files = dict(chance.choice(sources))
    for _ in range(chance.choice((1, 1, 2, 3))):
        name = chance.choice(sorted(files))
        files[name] = chance.choice(MUTATIONS)(files[name], chance)
    return files


def main(count: int, seed: int) -> int:
    sources, answers = samples(), Counter[str]()
    for number in range(seed, seed + count):
        files = mutated(number, sources)
        try:
            answers[answer(files)] += 1
        except Exception as error:
            folder = CORPUS / f"seed-{number}"
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                (folder / name).write_bytes(content)
            answers["FAILED"] += 1
            print(f"seed {number}: {type(error).__name__}: {str(error)[:200]} (kept in {folder})")
    print("\n".join(f"{times:7,} {name}" for name, times in answers.most_common()))
    return 1 if answers["FAILED"] else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__, epilog="scripts/fuzz client: streams.")
    parser.add_argument("count", type=at_least_one, nargs="?", default=20_000, help="how many texts to try (20000)")
    parser.add_argument("--seed", type=int, default=0, help="the first seed; a text is made by its seed alone")
    arguments = parser.parse_args()
    sys.exit(main(arguments.count, arguments.seed))
