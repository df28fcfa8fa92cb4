"""The README and docs/ name what is there: links, paths, scripts, commands with their options, variables."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from gateway_config.commands.app import app_for
from tools.command import ROOT
from tools.scan import versioned_files

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN = [page for page in PAGES if page.name not in ("rules.md", "coverage.md")]  # those two are generated
OURS = re.compile(r"\b(?:GATEWRIGHT|CLOUDFLARE)_[A-Z][A-Z0-9_]*[A-Z0-9]\b")
FOLDERS = tuple(
    f"{path.name}/" for path in ROOT.iterdir() if path.is_dir() and path.name not in (".git", ".state", ".venv")
)
every_page = pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)


def code(page: Path) -> list[str]:
    """What stands in backticks, and each line of the blocks."""
    text = page.read_text()
    blocks = re.findall(r"```(?:sh|text)\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"^ {4,}(\S.*)$", text, re.MULTILINE)
    return lines + re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.http
def test_the_example_of_the_emulators_page_runs() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "emulator.md").read_text(), re.DOTALL)
    exec(compile(block, "docs/emulator.md", "exec"), {})


@every_page
def test_a_path_that_a_page_names_is_there(page: Path) -> None:
    named = {word.rstrip(".,:;)") for piece in code(page) for word in piece.split()}
    paths = [name for name in named if name.startswith(FOLDERS) and not set(name) & set("<>*…$\"'=")]
    versioned = {str(path.relative_to(ROOT)) for path in versioned_files()}
    there = versioned | {str(parent) for path in versioned for parent in Path(path).parents} | {".tools"}
    assert [path for path in paths if path.rstrip("/") not in there and not path.startswith(".tools/")] == []


@every_page
def test_a_command_that_a_page_names_has_its_options(page: Path) -> None:
    for piece in code(page):
        if named := re.match(r"(?:\S+=\S+ )*(?:\.venv/bin/)?gatewright ([a-z]+)((?: .*)?)$", piece):
            command = commands().get(named[1])
            assert command is not None, piece
            options = re.findall(r"(?<!\S)(-{1,2}[a-z][a-z-]*)", named[2].split("  #")[0])
            assert set(options) <= options_of(command), piece


@cache
def commands() -> dict[str, Any]:
    return dict(get_command(app_for([])).commands)  # type: ignore[attr-defined]


def options_of(command: Any) -> set[str]:
    inner = [options_of(one) for one in getattr(command, "commands", {}).values()]
    return {"-h", "--help"}.union(*inner, *(option.opts + option.secondary_opts for option in command.params))


def test_every_variable_that_is_read_stands_on_the_page_of_commands() -> None:
    folders = ("gateway_config", "infra", "tools")
    read = {name for path in versioned_files() if path.relative_to(ROOT).parts[0] in folders for name in names(path)}
    told = set(OURS.findall((ROOT / "docs" / "commands.md").read_text()))
    assert sorted(read - told) == ["GATEWRIGHT_USAGE"], "which is how three of them begin"


def names(path: Path) -> set[str]:
    return set(OURS.findall(path.read_text())) if path.suffix in ("", ".py") else set()


@every_page
def test_a_variable_that_a_page_names_is_read_somewhere(page: Path) -> None:
    named = {name for piece in code(page) for name in OURS.findall(piece)}
    read = {name for path in versioned_files() if path.suffix != ".md" for name in OURS.findall(text_of(path))}
    assert sorted(named - read) == []


@cache
def text_of(path: Path) -> str:
    return path.read_text(errors="replace")
