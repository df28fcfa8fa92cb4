"""The emulator is a second opinion: it knows nothing of the code it helps to test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.emulator import coverage
from tests.emulator.assumptions import ASSUMPTIONS
from tests.emulator.services import OPERATIONS

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / "tests" / "emulator").rglob("*.py"))


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


def test_the_coverage_page_is_fresh() -> None:
    """`python -m tests.emulator.coverage > docs/coverage.md` writes it."""
    kept = (ROOT / "docs" / "coverage.md").read_text()
    assert coverage.page() == kept


def test_every_operation_says_what_it_does_and_on_whose_word() -> None:
    assert [one.template for one in OPERATIONS if not (one.summary and one.source)] == []


def test_every_control_plane_operation_needs_a_permission() -> None:
    """A token may always be asked whether it is good."""
    control = [one for one in OPERATIONS if one.template.startswith("/client/")]
    free = {one.template for one in control if not one.needs}
    assert free == {"/client/v4/accounts/{account}/tokens/verify"}


@pytest.mark.parametrize("name", sorted(ASSUMPTIONS))
def test_every_assumption_is_switched_by_some_test(name: str) -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert f"{name.replace('-', '_')}=" in tests or f'"{name.replace("-", "_")}"' in tests


def test_no_function_is_longer_than_a_screen() -> None:
    functions = [
        (node.end_lineno - node.lineno + 1, path.name, node.name)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    assert max(functions) < (61, "", "")
