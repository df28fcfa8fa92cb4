"""Commands with odd arguments, in odd places: a sentence that says what to do, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway_config.commands.app import app_for
from gateway_config.errors import UsageError
from infra.engine import Engine
from infra.engine_setup import engine_environment, readable
from infra.rollback import Past, _chosen
from tests.stand_in.project import project_environment, write_project

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def run(project: Path, *words: str, without: str = "") -> Result:
    told = [*words, *([] if words[0] == "keys" else ["--project", str(project)])]
    environment = {**project_environment(project, NOBODY), "HOME": str(project)}
    given: dict[str, str | None] = {name: None if name == without else value for name, value in environment.items()}
    return CliRunner().invoke(app_for(told), told, env=given)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rotation", "--stage", "devv"), 'Pulumi.devv.yaml. Did you mean "dev"?'),
        (("rotation", "--stage", "nightly"), "There is no"),
        (("rotation", "--stage", "../dev"), 'A stage is named like "dev"'),
        (("keys", "new", "--stage", "../dev"), 'A stage is named like "dev"'),
        (("keys", "new", "--private", "/"), '"/" is a folder. Name a file in it with --private FILE.'),
        (("preview", "--markdown", "--json"), "Choose one."),
        (("preview", "--plugins", "/nowhere"), "'/nowhere' does not exist"),
        (("preview", "--stage", "a/b"), 'A stage is named like "dev"'),
    ],
)
def test_wrong_usage_exits_2_and_says_what_to_do(words: tuple[str, ...], said: str, project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("config: {}\n")
    result = run(project, *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not [*project.rglob("*.pem")]


@pytest.mark.parametrize("variable", ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "PULUMI_CONFIG_PASSPHRASE"])
@pytest.mark.parametrize("words", [("preview",), ("up",), ("destroy", "--yes")])
def test_a_variable_that_is_missing_is_named_before_the_engine_is_asked(
    words: tuple[str, ...], variable: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.stage_stack.StageStack._call", lambda *_, **__: pytest.fail("the engine was asked"))
    result = run(project, *words, without=variable)
    assert result.exit_code == 2
    assert variable in result.stderr


@pytest.mark.parametrize("text", ["", "runtime: python\n", "name: 5\n"])
def test_a_project_without_a_name_is_told(text: str, project: Path) -> None:
    (project / "Pulumi.yaml").write_text(text)
    result = run(project, "preview")
    assert result.exit_code == 2
    assert "Pulumi.yaml has no `name`" in result.stderr


def test_a_stack_that_serves_another_stage_is_left_to_plain_pulumi(project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("config: {'gatewright:stage': prod}\n")
    engine = Engine(project, "dev", environment=project_environment(project, NOBODY))
    with pytest.raises(UsageError, match=r"Pulumi.dev.yaml says gatewright:stage prod; here a stack is named like"):
        engine.settings()


def test_a_key_without_a_value_says_nothing_so_that_prod_keeps_its_thresholds(project: Path) -> None:
    (project / "Pulumi.prod.yaml").write_text("config:\n  gatewright:safety:\n  gatewright:buckets:\n")
    settings = Engine(project, "prod", environment=project_environment(project, NOBODY)).settings()
    assert settings.safety is not None
    assert settings.buckets is None


def test_a_place_that_cannot_hold_the_state_is_told_with_another_way(tmp_path: Path) -> None:
    (tmp_path / ".state").write_text("a file")
    with pytest.raises(UsageError, match="Name another one by PULUMI_BACKEND_URL"):
        engine_environment(tmp_path, {})


@pytest.mark.parametrize(
    ("stderr", "last"),
    [
        ('error: unable to open state directory "file:///x": no such file', "Is PULUMI_BACKEND_URL, where the state"),
        (
            "error: 2 errors occurred:\n    1) open /x/y.tmp: operation not permitted\n    2) Unknown",
            "Is PULUMI_BACKEND",
        ),
        ("error: failed to load checkpoint: place 1: unexpected end", "`gatewright up` goes back to the state before"),
        ("error: get stack secrets manager: malformed state value", "Take `encryptionsalt` in Pulumi.<stage>.yaml"),
        ("error: could not validate 'P': 1 error occurred:\n\t* #/plugins: expected object", "\t* #/plugins: expected"),
    ],
)
def test_what_the_engine_says_is_whole_and_followed_by_what_to_do(stderr: str, last: str) -> None:
    said = readable(f"\n code: 255\n stdout: \n stderr: {stderr}\n\n")
    assert said.startswith(stderr.removeprefix("error: ").splitlines()[0])
    assert said.splitlines()[-1].startswith(last)


def test_an_empty_version_is_no_version() -> None:
    versions = [Past(id, "", "", None, False, None) for id in ("a1", "b2")]
    with pytest.raises(UsageError, match='"" stands for 2 versions, not for one'):
        _chosen(versions, "")
