"""Rules of the house that no single module can keep: directions, public names, locks, scripts, secrets, the network."""

import ast
import os
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.command import ROOT
from tools.generate import refresh
from tools.scan import finds, versioned_files

PURE = ("graph", "compile", "wire", "decide")
WORLDLY = {"os", "io", "pathlib", "time", "random", "secrets", "uuid", "socket", "subprocess", "tempfile", "threading"}
WORLDLY |= {"asyncio", "logging", "sys", "httpx", "urllib", "http", "shutil", "locale", "getpass", "platform"}
WORLDLY_CALLS = {"open", "print", "input", "now", "utcnow", "today", "getenv"}
LIGHT = ("gateway_config", "gateway_config.load", "gateway_config.compile", "gateway_config.runtime")
# (rich is left out: httpx imports it for its own command where it is there)
EXTRAS = {"typer", "pulumi", "pulumi_cloudflare", "grpc", "duckdb", "boto3", "uvicorn", "openai"}
# What only a config of files needs; pydantic's own share comes with `main`, when the first class is made.
HEAVY = {f"gateway_config.{name}" for name in ("config", "load", "reading", "rules", "compile")} | {
    "yaml",
    "pydantic.main",
    "pydantic.type_adapter",
}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules a file imports, wherever in it."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            around = ".".join(package[: len(package) - node.level + 1]) + "." if node.level else ""
            yield from (f"{around}{node.module or ''}.{name.name}".replace("..", ".") for name in node.names)


def importers(folder: str, forbidden: set[str]) -> list[str]:
    return [f"{path}: {name}" for path in modules(folder) for name in imports(path) if name.split(".")[0] in forbidden]


def behind(names: tuple[str, ...]) -> list[Path]:
    """The modules of gateway_config that these need, with themselves."""
    found: dict[Path, None] = {}
    wanted = [f"gateway_config.{name}" for name in names]
    for name in wanted:
        for path in (ROOT / f"{name.replace('.', '/')}.py", ROOT / f"{name.rpartition('.')[0].replace('.', '/')}.py"):
            if path.exists() and path not in found:
                found[path] = None
                wanted += [name for name in imports(path) if name.startswith("gateway_config.")]
    return list(found)


def test_gateway_config_knows_neither_pulumi_nor_infra() -> None:
    assert importers("gateway_config", {"pulumi", "pulumi_cloudflare", "infra", "tests", "tools"}) == []


def test_the_emulator_knows_neither_package() -> None:
    assert importers("tests/emulator", {"gateway_config", "infra", "pulumi", "tools"}) == []


def test_infra_knows_no_tests() -> None:
    assert importers("infra", {"tests", "tools"}) == []


def test_graph_compile_wire_and_decide_touch_nothing_outside_themselves() -> None:
    touched = [
        f"{path.name}: {name}" for path in behind(PURE) for name in imports(path) if name.split(".")[0] in WORLDLY
    ]
    assert touched == []


def test_graph_compile_wire_and_decide_ask_no_clock_and_no_file() -> None:
    for path in (ROOT / "gateway_config" / f"{name}.py" for name in PURE):
        calls = [node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
        names = {getattr(call, "id", getattr(call, "attr", None)) for call in calls}
        assert not names & WORLDLY_CALLS, path


def test_what_an_application_imports_needs_the_base_install_only() -> None:
    program = f"import sys, {', '.join(LIGHT)}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert EXTRAS & set(loaded.stdout.split()) == set()


def test_a_client_of_a_published_config_imports_nothing_that_reads_yaml_or_builds_validators() -> None:
    program = "import sys; from gateway_config.runtime import AsyncClient, Client; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert HEAVY & set(loaded.stdout.split()) == set()


def test_the_public_names_change_on_purpose_only(golden: Callable[[str, str], None]) -> None:
    lines = [f"{place}: {name}" for folder in ("gateway_config", "infra") for place, name in public_names(folder)]
    golden("public_names.txt", "\n".join(lines) + "\n")


def public_names(folder: str) -> Iterator[tuple[str, str]]:
    for path in modules(folder):
        for node in parsed(path).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                place = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                yield from ((place, name) for name in sorted(ast.literal_eval(node.value)))


def test_functions_and_files_stay_short() -> None:
    files = [path for path in versioned_files() if path.suffix == ".py"]
    long = [f"{path}: {lines} lines" for path in files if (lines := path.read_text().count("\n")) > 400]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [(path, node) for path in files for node in ast.walk(parsed(path)) if isinstance(node, kinds)]
    long += [f"{path}: {node.name}" for path, node in functions if (node.end_lineno or 0) - node.lineno >= 60]
    assert long == []


def test_no_test_is_skipped() -> None:
    skips = re.compile(r"pytest\.(skip|import[o]rskip)\(|mark\.(skip|skipif|xfail)\b")
    assert [path for path in modules("tests") if skips.search(path.read_text())] == []


def test_no_version_controlled_file_holds_a_secret_a_machine_path_or_a_registry() -> None:
    assert list(finds(versioned_files())) == []


@pytest.mark.parametrize(
    "planted",
    [
        "cfut_" + "a1B2" * 8,
        "AKIA" + "ABCD" * 4,
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        'api_token = "' + "a1B2-" * 9 + '"',
        "curl -H 'Authorization: Bearer " + "a1B2" * 8 + "'",
        "cd /ho" + "me/someone/gatewright",
        f"cd {ROOT}/scripts",
        "--index-url https://py" + "pi.org/simple",
    ],
)
def test_the_scan_finds(tmp_path: Path, planted: str) -> None:
    path = tmp_path / "planted.txt"
    path.write_text(f"first line\n{planted}\n")
    ((place, _),) = finds([path])
    assert place == f"{path}:2"


def test_the_scan_leaves_test_keys_alone(tmp_path: Path) -> None:
    path = tmp_path / "planted.txt"
    path.write_text('api_token = "' + "test-" * 9 + '"\n')
    assert list(finds([path])) == []


def test_a_stale_generated_file_is_told_by_a_check_and_mended_without(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    assert refresh(path, "new", check=True)
    assert not path.exists()
    assert refresh(path, "new", check=False)
    assert not refresh(path, "new", check=True)


def locked(name: str) -> dict[str, str]:
    """package: version of one lock file; every package there has a hash."""
    text = (ROOT / "requirements" / name).read_text()
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^\S.*==", text, re.MULTILINE))
    return dict(pins)


def test_the_base_lock_agrees_with_the_one_for_development() -> None:
    assert locked("base.txt").items() <= locked("dev.txt").items()


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    asked = [Requirement(need) for needs in lists for need in needs if not need.startswith("gatewright")]
    pins = {name.lower(): version for name, version in locked("dev.txt").items()}
    assert [str(need) for need in asked if not fits(need, pins)] == [], "run scripts/lock"


def fits(need: Requirement, pins: dict[str, str]) -> bool:
    return need.specifier.contains(pins.get(need.name.lower(), "0"), prereleases=True)


@pytest.mark.parametrize(
    "script", sorted(path for path in (ROOT / "scripts").glob("[!.]*") if path.name != "env" and not path.suffix)
)
def test_scripts_can_be_run_and_are_short(script: Path) -> None:
    lines = script.read_text().splitlines()
    assert os.access(script, os.X_OK)
    assert lines[0].startswith("#!/usr/bin/env ")
    assert len(lines) <= 20


@pytest.mark.parametrize("address", [("127.0.0.1", 9), ("192.0.2.1", 80)])
def test_a_test_without_a_mark_reaches_no_socket(address: tuple[str, int]) -> None:
    with socket.socket() as reaching, pytest.raises(pytest.fail.Exception):
        reaching.connect(address)


@pytest.mark.http
def test_a_marked_test_reaches_the_loopback_but_no_further() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    with socket.socket() as reaching, pytest.raises(pytest.fail.Exception):
        reaching.connect(("192.0.2.1", 80))


def test_settings_of_the_person_who_runs_the_tests_are_out_of_sight() -> None:
    assert [name for name in os.environ if name.startswith(("CLOUDFLARE_", "PULUMI_", "GATEWRIGHT_"))] == []
