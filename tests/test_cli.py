"""The command line as a whole, and `gatewright check`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gateway_config.commands import app as app_module
from gateway_config.commands.app import OWN, app_for
from gateway_config.commands.report import Finding, github, with_source
from gateway_config.errors import UnreachableError
from gateway_config.load import read
from gateway_config.problems import Place, Problem
from tests.small_config import GATEWAY, QUICK_CHAT, lines, run, run_json, write_config

TOO_MUCH = QUICK_CHAT.replace("challenger: 10", "challenger: 110")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a config in it, in which the command is run."""
    monkeypatch.chdir(tmp_path)
    return write_config(tmp_path / "gateway_config")


# --- check ------------------------------------------------------------------------------------------------------------


def test_a_sound_config_passes_and_says_what_was_looked_at(folder: Path) -> None:
    result = run("check")
    assert result.exit_code == 0
    assert lines(result)[-1] == "3 files, 2 routes, stages dev and any other: no problems."


def test_a_problem_fails_with_its_place_and_what_to_do(folder: Path) -> None:
    write_config(
        folder, quick_chat=QUICK_CHAT.replace("champion: rest, challenger: 10", "champion: 70, challenger: 10")
    )
    result = run("check")
    assert result.exit_code == 1
    assert lines(result)[0].startswith("gateway_config/routes/quick-chat.yaml:7:35 split-sum: shares of")


def test_problems_of_all_files_come_at_once_in_order_of_place(folder: Path) -> None:
    write_config(folder, gateway=GATEWAY + "stick: user\n", quick_chat=TOO_MUCH, editor="version: 2\n")
    files = [problem["file"] for problem in json.loads(run("check", "--json").stdout)["problems"]]
    assert files == sorted(files)
    assert len(set(files)) == 3


def test_every_stage_that_a_file_names_is_checked(folder: Path) -> None:
    write_config(folder, quick_chat=QUICK_CHAT.replace("challenger: 50", "challenger: 150"))
    [problem] = json.loads(run("check", "--json").stdout)["problems"]
    assert (problem["line"], problem["stages"]) == (10, ["dev"])


def test_what_a_stage_overrides_is_still_checked_for_the_others(folder: Path) -> None:
    write_config(
        folder, quick_chat=QUICK_CHAT.replace("champion: rest, challenger: 10", "champion: 70, challenger: 10")
    )
    [problem] = json.loads(run("check", "--json").stdout)["problems"]
    assert problem["stages"] == ["any other"]


@pytest.mark.parametrize("names", [("base",), ("prod", "dev"), ("prod", "dev", "other0")])
def test_stages_that_no_file_names_are_looked_at_whatever_the_names(folder: Path, names: tuple[str, ...]) -> None:
    stages = "".join(f"  {name}: {{split: {{champion: rest, challenger: 20}}}}\n" for name in names)
    config = TOO_MUCH.partition("stages:")[0] + f"stages:\n{stages}"
    write_config(folder, quick_chat=config)
    [problem] = json.loads(run("check", "--json").stdout)["problems"]
    assert problem["stages"] == ["any other"]


def test_the_id_with_its_stage_is_that_of_a_stage_which_exists(folder: Path) -> None:
    write_config(folder, gateway=GATEWAY.replace("id: inference", f"id: {'a' * 60}"))
    assert f"{'a' * 60}-prod" in lines(run("check"))[0]


def test_one_stage_is_checked_where_it_is_named(folder: Path) -> None:
    write_config(folder, quick_chat=QUICK_CHAT.replace("challenger: 50", "challenger: 150"))
    assert run("check", "--stage", "prod").exit_code == 0


def test_an_empty_stage_is_none(folder: Path) -> None:
    result = run("check", "--stage", "")
    assert result.exit_code == 2
    assert result.stderr.endswith('at most 16; found "".\n')


def test_a_problem_of_all_stages_is_said_once(folder: Path) -> None:
    write_config(folder, quick_chat=QUICK_CHAT.replace("model: fast", "model: fest"))
    found = json.loads(run("check", "--json").stdout)["problems"]
    assert [problem["rule"] for problem in found] == ["unknown-model"]


def test_warnings_fail_only_when_asked_to(folder: Path) -> None:
    write_config(folder, quick_chat=QUICK_CHAT.replace("fallback: [big]\n", ""))
    assert "warning" in run("check").stdout
    assert [run("check").exit_code, run("check", "--strict").exit_code] == [0, 1]


def test_json_says_what_was_looked_at_and_what_was_found(folder: Path) -> None:
    data = run_json("check")
    assert {key: data[key] for key in ("files", "routes", "stages", "problems")} == {
        "files": 3,
        "routes": 2,
        "stages": ["dev", "any other"],
        "problems": [],
    }


def test_metadata_that_finds_no_room_is_named(folder: Path) -> None:
    assert run_json("check")["left_out"] == {"editor": ["tenant_id", "project", "intent"]}


def test_annotations_name_file_line_and_rule(folder: Path) -> None:
    write_config(folder, quick_chat=QUICK_CHAT.replace("model: fast", "model: fest"))
    first = lines(run("check", "--format", "github"))[0]
    assert first.startswith("::error file=gateway_config/routes/quick-chat.yaml,line=5,col=21,title=unknown-model::")


def test_annotations_escape_what_would_end_them() -> None:
    problem = Problem(Place("a,b.yaml", 1, 2), "rule", "100% of it: all, really")
    assert list(github([Finding(problem)])) == [
        "::error file=a%2Cb.yaml,line=1,col=2,title=rule::100%25 of it: all, really"
    ]


def test_a_terminal_shows_the_line_and_a_caret(folder: Path) -> None:
    file = folder / "routes/quick-chat.yaml"
    problem = Problem(Place(str(file), 7, 8), "split-sum", "wrong")
    shown = list(with_source([Finding(problem)], colours=False))
    assert shown[1:] == [
        "    7 │ split: {champion: rest, challenger: 10} # one number to change",
        "      │        ^",
    ]


def test_the_line_of_a_credential_is_never_shown(folder: Path) -> None:
    secret = "test-" + "aB3" * 20
    write_config(folder, quick_chat=QUICK_CHAT + f"owner: {secret}\nsticki: user\n")
    findings = [Finding(problem) for document in read(folder) for problem in document.problems]
    assert [finding.problem.rule for finding in findings] == ["credential"]
    assert secret not in "\n".join(with_source(findings, colours=False))


def test_another_problem_on_the_line_of_a_credential_does_not_show_it_either(folder: Path) -> None:
    secret = "test-" + "aB3" * 20
    write_config(folder, quick_chat=f"api_key: {secret}\n" + QUICK_CHAT)
    place = Place(str(folder / "routes/quick-chat.yaml"), 1, 1)
    shown = with_source([Finding(Problem(place, "unknown-key", "unknown"))], colours=False)
    assert secret not in "\n".join(shown)


# --- the whole --------------------------------------------------------------------------------------------------------


def test_a_folder_without_a_config_is_wrong_usage(tmp_path: Path) -> None:
    result = run("check", "--config", str(tmp_path))
    assert result.exit_code == 2
    assert "there is no gateway.yaml" in result.stderr


def test_the_folder_of_the_config_may_come_from_the_environment(tmp_path: Path) -> None:
    write_config(tmp_path / "elsewhere")
    result = run("check", env={"GATEWRIGHT_CONFIG": str(tmp_path / "elsewhere")})
    assert "3 files, 2 routes" in result.stdout


def test_without_a_folder_the_packages_own_config_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "quick-chat" in run("show").stdout


def test_a_stage_may_come_from_the_environment(folder: Path) -> None:
    assert "challenger 50 %" in run("show", env={"GATEWRIGHT_STAGE": "dev"}).stdout


def test_a_config_with_problems_is_not_shown(folder: Path) -> None:
    write_config(folder, quick_chat=TOO_MUCH)
    result = run("show", "--stage", "prod")
    assert result.exit_code == 1
    assert "quick-chat.yaml:7" in result.stderr


@pytest.mark.parametrize("command", OWN)
def test_every_command_has_help_with_an_example_and_its_exit_codes(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Example: gatewright {command}" in result.stdout
    assert "Exit codes: 0 " in result.stdout


def test_an_unknown_command_is_wrong_usage() -> None:
    result = run("chek")
    assert result.exit_code == 2
    assert "No such command 'chek'" in result.stderr


@pytest.fixture
def failing_with() -> Callable[[BaseException], typer.Typer]:
    """The app with a command `fail` that raises."""

    def app(error: BaseException) -> typer.Typer:
        def fail() -> None:
            raise error

        own = app_for(["check"])
        own.command()(fail)
        return own

    return app


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UnreachableError("nothing listens there."), 3, "nothing listens there.\n"),
        (KeyboardInterrupt(), 130, ""),
        (OSError(28, "No space left on device", "a.yaml"), 3, '"a.yaml": No space left on device.\n'),
    ],
)
def test_an_error_is_one_sentence_and_its_exit_code(
    failing_with: Callable[[BaseException], typer.Typer], error: BaseException, code: int, sentence: str
) -> None:
    result = CliRunner().invoke(failing_with(error), ["fail"], catch_exceptions=False)
    assert (result.exit_code, result.stderr, result.stdout) == (code, sentence, "")


@pytest.fixture
def extensions(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Other packages' commands, in place of those that are installed."""
    found: list[object] = []
    monkeypatch.setattr(app_module, "_extensions", lambda: iter(found))
    return found


class Extension:
    """An entry point that loads, or does not."""

    def __init__(self, name: str, load: Callable[[], Callable[[typer.Typer], None]]) -> None:
        self.name, self.load = name, load


def test_other_packages_add_their_commands(extensions: list[object]) -> None:
    def register(app: typer.Typer) -> None:
        app.command("greet")(lambda: typer.echo("hello"))

    extensions.append(Extension("other", lambda: register))
    assert run("greet").stdout == "hello\n"


def test_an_extension_whose_extra_is_missing_is_named_with_what_to_install(
    extensions: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    def load() -> Callable[[typer.Typer], None]:
        raise ModuleNotFoundError("No module named 'pulumi'", name="pulumi")

    extensions.append(Extension("infra", load))
    assert run("preview").exit_code == 2
    assert capsys.readouterr().err == 'The commands of infra need pulumi: pip install "gatewright[infra]"\n'


def test_our_own_commands_load_no_extension(extensions: list[object]) -> None:
    def load() -> Callable[[typer.Typer], None]:
        raise AssertionError("an extension was loaded")

    extensions.append(Extension("infra", load))
    assert run("check", "--help").exit_code == 0


# --- as a process -----------------------------------------------------------------------------------------------------


def process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_missing_extra_is_one_sentence(folder: Path) -> None:
    code = "import sys; sys.modules['typer'] = None; from gateway_config.cli import main; main()"
    done = process(code, "check")
    assert (done.returncode, done.stderr) == (
        2,
        'the command line needs the extra "cli": pip install "gatewright[cli]"\n',
    )


@pytest.mark.parametrize("command", ["preview", "up", "rotation"])
def test_a_command_of_infra_without_its_extra_is_one_sentence(command: str) -> None:
    code = "import sys; sys.modules['pulumi'] = None; from gateway_config.cli import main; main()"
    done = process(code, command)
    told, *usage = done.stderr.splitlines()
    assert (done.returncode, told) == (2, 'The commands of infra need pulumi: pip install "gatewright[infra]"')
    assert "Traceback" not in "".join(usage)


def test_check_loads_neither_pulumi_nor_http_nor_rich(folder: Path) -> None:
    code = (
        "import sys; from gateway_config.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted({'pulumi', 'httpx', 'rich', 'infra'} & set(sys.modules)))"
    )
    assert process(code, "check").stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_not_complained_about(folder: Path) -> None:
    pipe = "import sys; from gateway_config.cli import main; sys.argv[1:] = ['show', '--json']; main()"
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([sys.executable, "-c", pipe], stdout=writing, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_the_version_is_told_without_a_command() -> None:
    assert run("--version").stdout.startswith("gatewright 0.")
