"""The emulator is a second opinion: it knows nothing of the code it helps to test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent.parent / "emulator").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The packages a file imports, by their first name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_imports_what_it_helps_to_test(path: Path) -> None:
    assert not imported(path) & {"gateway_config", "infra", "pulumi"}
