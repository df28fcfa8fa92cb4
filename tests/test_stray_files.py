"""Which files of a folder are routes, and what is said of those that only look like it."""

from pathlib import Path

import pytest

from gateway_config.errors import UsageError
from gateway_config.load import examine, load
from gateway_config.problems import Severity
from tests.test_load import CHAT, small
from tools.rules_page import TODAY


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return small(tmp_path)


def test_two_files_cannot_be_the_same_route(folder: Path) -> None:
    (folder / "routes" / "chat.yml").write_text(CHAT)
    _, problems = examine(folder, "dev")
    assert [str(problem).split(":")[0] for problem in problems] == ["routes/chat.yml"]
    assert [problem.rule for problem in problems] == ["route-name"]


def test_of_two_files_of_one_route_the_first_has_its_problems(folder: Path) -> None:
    (folder / "routes" / "chat.yml").write_text(CHAT)
    (folder / "routes" / "chat.yaml").write_text(CHAT.replace("fallback: [", "fallback: [nowhere, "))
    problems = examine(folder, "dev", TODAY)[1]
    assert [problem.place.file[-4:] for problem in problems if problem.rule == "unknown-model"] == ["yaml"]


def test_a_copy_of_a_route_under_no_name_is_told_alone(folder: Path) -> None:
    (folder / "routes" / "a copy.yaml").write_text(CHAT)
    _, problems = examine(folder, "dev", TODAY)
    assert [str(problem.place) for problem in problems] == ["routes/a copy.yaml:1:1"]
    assert problems[0].message.endswith("Rename the file, or remove it if it is a copy.")


def test_what_is_wrong_in_a_file_without_a_name_is_told_as_well(folder: Path) -> None:
    (folder / "routes" / "a copy.yaml").write_text(CHAT + "owner: 1\n")
    assert [problem.rule for problem in examine(folder, "dev", TODAY)[1]] == ["route-name", "wrong-type"]


def test_hidden_files_of_editors_are_not_routes(folder: Path) -> None:
    (folder / "routes" / ".#chat.yaml").symlink_to("nobody@nowhere")
    assert examine(folder, "dev", TODAY)[1] == []


@pytest.mark.parametrize(
    ("name", "way_on"),
    [
        ("routes/growth/chat.yaml", "A route is a file right in routes: move it there, or out of the folder."),
        ("routes/a/b/c.yml", "A route is a file right in routes: move it there, or out of the folder."),
        ("routes/think.json", "Rename it to routes/think.yaml, or move it out of the folder."),
        ("routes/THINK.YAML", "Rename it to routes/think.yaml, or move it out of the folder."),
        ("gateway.yml", "Put what it says into gateway.yaml, and remove it."),
        ("Gateway.json", "Put what it says into gateway.yaml, and remove it."),
    ],
)
def test_a_file_that_looks_like_config_and_is_not_read_is_warned_of(folder: Path, name: str, way_on: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("version: 1\n")
    config, problems = examine(folder, "dev", TODAY)
    assert config is not None
    assert [str(problem) for problem in problems] == [f"{name}:1:1 file-ignored: this file is not read. {way_on}"]
    assert problems[0].severity is Severity.WARNING
    assert load(folder, "dev").routes.keys() == config.routes.keys()


@pytest.mark.parametrize(
    "name", ["routes/README.md", "routes/.#chat.yaml", "routes/.old/chat.yaml", "routes/chat.yaml~", "models.json"]
)
def test_a_file_that_is_no_config_is_nobodys_business(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("version: 1\n")
    assert examine(folder, "dev", TODAY)[1] == []


def test_a_gateway_file_under_another_name_is_pointed_at(folder: Path) -> None:
    (folder / "gateway.yaml").rename(folder / "gateway.yml")
    with pytest.raises(UsageError, match=r"There is gateway\.yml: rename it to gateway\.yaml\.$"):
        load(folder, "dev")


def test_a_file_in_place_of_the_folder_is_told_as_one(folder: Path) -> None:
    with pytest.raises(
        UsageError, match=r'^"gateway\.yaml" is a file\. Name the folder that it is in with --config DIR\.$'
    ):
        load(folder / "gateway.yaml", "dev")
