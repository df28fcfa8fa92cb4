"""The workflows: what GitHub accepts, who may see which secret, and what their steps do when they run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gh import BOT
from tests.small_config import run
from tests.workflows import FILES, FOLDER, ROOT, Ran, Runner, jobs, read, script, step

MARKER = "<!-- gatewright preview -->"
CONDITION = "github.event.pull_request.head.repo.full_name == github.repository"


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((job, step) for job, told in jobs() for step in told["steps"])


def secrets_in(told: Any) -> set[str]:
    return set(re.findall(r"secrets\.(\w+)", str(told)))


# --- what they are ---


def test_every_workflow_has_the_shape_that_github_accepts() -> None:
    schema = ["--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, *map(str, FILES)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_linter_of_workflows_has_nothing_to_say() -> None:
    zizmor = str(Path(sys.executable).parent / "zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--persona", "auditor", str(FOLDER.parent)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_every_action_is_pinned_by_a_full_hash_with_its_version_beside_it() -> None:
    lines = [line for file in FILES for line in file.read_text().splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not re.search(r"uses: [\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_one_action_has_one_version_everywhere() -> None:
    used = {step["uses"] for _, step in steps() if "uses" in step}
    assert len(used) == len({name.partition("@")[0] for name in used})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_is_permitted_but_what_a_job_names(file: Path) -> None:
    told = read(file.stem)
    assert told["permissions"] == {}
    assert all(job["permissions"] for job in told["jobs"].values())


def test_only_three_jobs_may_write_and_only_comments_and_issues() -> None:
    writes = {(name, right) for name, job in jobs() for right, how in job["permissions"].items() if how != "read"}
    assert writes == {
        ("pull-request.comment", "pull-requests"),
        ("drift.drift", "issues"),
        ("rotation.rotation", "issues"),
    }


def test_what_may_write_to_a_pull_request_runs_nothing_of_it() -> None:
    job = read("pull-request")["jobs"]["comment"]
    assert [step for step in job["steps"] if "uses" in step] == []
    assert secrets_in(job) == set()


def test_no_workflow_gives_a_fork_secrets() -> None:
    assert [file.stem for file in FILES if "pull_request_target" in read(file.stem)["on"]] == []
    told = read("pull-request")
    with_secrets = {name: job for name, job in told["jobs"].items() if secrets_in(job) or "environment" in job}
    assert [*with_secrets] == ["preview"]
    assert with_secrets["preview"]["if"].startswith(CONDITION)


def test_secrets_come_from_environments_and_reach_one_step_only() -> None:
    for name, job in jobs():
        with_secrets = [step for step in job["steps"] if secrets_in(step)]
        assert not with_secrets or "environment" in job, name
        assert len(with_secrets) <= 1, name
        assert secrets_in(job) == secrets_in(with_secrets), name


def test_only_the_two_deploys_meet_what_may_deploy_each_that_of_its_stage() -> None:
    environments = {name: job["environment"]["name"] for name, job in jobs() if "environment" in job}
    reading = {name for name, environment in environments.items() if environment == "preview-${{ matrix.stage }}"}
    assert reading == {"pull-request.preview", "drift.drift", "rotation.rotation"}
    assert environments == {
        **dict.fromkeys(reading, "preview-${{ matrix.stage }}"),
        "deploy.dev": "dev",
        "deploy.plan": "preview-prod",
        "deploy.prod": "prod",
    }


def test_a_deploy_is_that_of_the_environment_it_waits_for() -> None:
    told = read("deploy")["jobs"]
    assert {name: job["env"]["STAGE"] for name, job in told.items()} == {"dev": "dev", "plan": "prod", "prod": "prod"}


def test_no_expression_stands_in_a_script() -> None:
    assert [step["name"] for _, step in steps() if "${{" in step.get("run", "")] == []


def test_prod_waits_for_dev_and_for_its_preview() -> None:
    told = read("deploy")["jobs"]
    assert (told["prod"]["needs"], told["plan"]["needs"]) == ("plan", "dev")


def test_every_script_and_command_that_a_step_calls_is_there() -> None:
    called = "\n".join(step.get("run", "") for _, step in steps())
    scripts = set(re.findall(r"(?<![\w./])(?:scripts|\.github)/\w+", called))
    assert scripts == {"scripts/setup", "scripts/check", "scripts/test", ".github/issue"}
    assert [name for name in scripts if not shutil.which(ROOT / name)] == []


def test_every_option_that_a_step_gives_to_our_command_is_known_to_it() -> None:
    lines = [line for _, step in steps() for line in step.get("run", "").splitlines() if "bin/gatewright" in line]
    assert len(lines) >= 8
    for line in lines:
        command, *words = line.partition("bin/gatewright ")[2].split()
        known = run(command, "--help").stdout
        assert [word for word in words if word.startswith("--") and word not in known] == [], line


# --- what their steps do: the comment ---


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / ".github").symlink_to(ROOT / ".github")
    return Runner(folder)


def comment(runner: Runner, dev: str = "", prod: str = "") -> Ran:
    told = step("pull-request", "comment", "Write the comment, or bring it up to date")
    return runner.run(told, GH_TOKEN="test-gh", NUMBER="7", DEV=dev, PROD=prod, RUN="https://ci.example/run/1")


def test_the_first_preview_writes_a_comment_on_both_stages(runner: Runner) -> None:
    assert comment(runner, "### dev\n\nfine", '### prod\n\n`@cf/x` "$HOME" fine').code == 0
    [written] = runner.world["comments"]
    assert written["body"] == f'{MARKER}\n\n### dev\n\nfine\n\n### prod\n\n`@cf/x` "$HOME" fine\n'


def test_the_next_preview_brings_the_same_comment_up_to_date(runner: Runner) -> None:
    others = [{"id": number, "user": {"login": "ada"}, "body": f"{MARKER} quoted"} for number in range(3)]
    runner.world = {**runner.world, "comments": others}
    comment(runner, "old", "old")
    comment(runner, "new", "new")
    *before, own = runner.world["comments"]
    assert before == others
    assert own["body"] == f"{MARKER}\n\nnew\n\nnew\n"


def test_another_comment_of_the_same_bot_is_left_alone(runner: Runner) -> None:
    runner.world = {**runner.world, "comments": [{"id": 1, "user": {"login": BOT}, "body": "coverage: 98 %"}]}
    comment(runner, "new", "new")
    assert [own["body"][:8] for own in runner.world["comments"]] == ["coverage", MARKER[:8]]


def test_of_two_comments_of_its_own_the_first_is_kept_up_to_date(runner: Runner) -> None:
    own = [{"id": number, "user": {"login": BOT}, "body": f"{MARKER} old"} for number in (1, 2, 3)]
    runner.world = {**runner.world, "comments": own}
    assert comment(runner, "new", "new").code == 0
    assert [told["body"] for told in runner.world["comments"]][1:] == [f"{MARKER} old"] * 2


def test_a_stage_without_a_preview_is_told_with_a_way_to_its_log(runner: Runner) -> None:
    comment(runner, "### dev")
    [written] = runner.world["comments"]
    assert "### `prod`: The preview did not finish: [what it said](https://ci.example/run/1)." in written["body"]


def test_where_github_refuses_no_second_comment_is_written(runner: Runner) -> None:
    told = step("pull-request", "comment", "Write the comment, or bring it up to date")
    refused = runner.run(told, GH_TOKEN="", NUMBER="7", DEV="a", PROD="b", RUN="r")
    assert refused.code != 0
    assert runner.world["comments"] == []


def test_the_largest_preview_of_both_stages_can_be_handed_over(runner: Runner) -> None:
    large = "š" * 16_000  # 32,000 bytes
    assert comment(runner, large, large).code == 0


# --- what their steps do: drift and rotation ---


@pytest.fixture(
    params=[("drift", "drift", "Compare"), ("rotation", "rotation", "Read the dates")], ids=lambda told: told[0]
)
def watch(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The step that looks for something to tell."""
    return step(*request.param)


ACCESS = dict.fromkeys(
    (
        "CLOUDFLARE_ACCOUNT_ID",
        "CLOUDFLARE_API_TOKEN",
        "PULUMI_BACKEND_URL",
        "PULUMI_CONFIG_PASSPHRASE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    ),
    "test-access",
)


def watched(runner: Runner, watch: dict[str, Any], exit_code: int) -> Ran:
    script(runner.folder / ".venv/bin/gatewright", f"echo what was found; exit {exit_code}")
    return runner.run(watch, STAGE="prod", **ACCESS)


def test_what_is_found_is_handed_on_and_shown(runner: Runner, watch: dict[str, Any]) -> None:
    ran = watched(runner, watch, 7)
    assert (ran.code, ran.outputs, ran.summary) == (0, {"status": "7"}, "what was found\n")
    assert (runner.folder / "found.md").read_text() == "what was found\n"


def test_where_nothing_is_found_the_file_is_empty(runner: Runner, watch: dict[str, Any]) -> None:
    ran = watched(runner, watch, 0)
    assert (ran.code, ran.outputs) == (0, {"status": "0"})
    assert (runner.folder / "found.md").read_text() == ""


def test_a_check_that_fails_is_no_all_clear(runner: Runner, watch: dict[str, Any]) -> None:
    ran = watched(runner, watch, 3)
    assert (ran.code, ran.outputs) == (3, {})


def issue(runner: Runner, found: str) -> list[Any]:
    (runner.folder / "found.md").write_text(found)
    ran = runner.run(step("drift", "drift", "Keep the issue"), STAGE="prod", GH_TOKEN="test-gh")
    assert ran.code == 0, ran.said
    return [(told["title"], told["body"], told["state"]) for told in runner.world["issues"]]


def test_drift_opens_an_issue_that_is_kept_up_to_date_and_closed(runner: Runner) -> None:
    title = "prod is not what main declares"
    assert issue(runner, "one element\n") == [(title, "one element\n", "open")]
    assert issue(runner, "two elements\n") == [(title, "two elements\n", "open")]
    assert issue(runner, "") == [(title, "two elements\n", "closed")]
    assert issue(runner, "again\n")[1:] == [(title, "again\n", "open")]


def test_without_drift_and_without_an_issue_nothing_is_said(runner: Runner) -> None:
    assert issue(runner, "") == []


def test_issues_of_others_are_left_alone_whatever_their_titles(runner: Runner) -> None:
    title = "prod is not what main declares"
    theirs = [{"number": number, "title": title, "body": "?", "user": {"login": "ada"}} for number in (1, 2)]
    theirs.append({"number": 3, "title": "Tokens of prod are to be rotated", "body": "?", "user": {"login": BOT}})
    runner.world = {**runner.world, "issues": [{**told, "state": "open"} for told in theirs]}
    before = runner.world["issues"]
    assert issue(runner, "one element\n")[3:] == [(title, "one element\n", "open")]
    assert runner.world["issues"][:3] == before


@pytest.mark.parametrize("workflow", ["drift", "rotation"])
def test_the_run_fails_with_what_was_found_in_its_log(runner: Runner, workflow: str) -> None:
    (runner.folder / "found.md").write_text("quick-chat was changed by hand\n")
    last = read(workflow)["jobs"][workflow]["steps"][-1]
    assert last["if"].endswith("status == '7'")
    ran = runner.run(last)
    assert (ran.code, ran.said) == (7, "quick-chat was changed by hand\n")


# --- what their steps do: deploy ---


@pytest.mark.parametrize(("exit_code", "status"), [(0, "0"), (7, "7")])
def test_the_plan_is_shown_and_says_whether_there_is_anything_to_approve(
    runner: Runner, exit_code: int, status: str
) -> None:
    ran = watched(runner, step("deploy", "plan", "Show in the run's summary what waits for approval"), exit_code)
    assert (ran.code, ran.outputs, ran.summary) == (0, {"status": status}, "what was found\n")
    assert read("deploy")["jobs"]["prod"]["if"] == "needs.plan.outputs.status == '7'"


def test_without_a_plan_nothing_goes_to_prod(runner: Runner) -> None:
    ran = watched(runner, step("deploy", "plan", "Show in the run's summary what waits for approval"), 3)
    assert (ran.code, ran.outputs) == (3, {})


@pytest.mark.parametrize(("newest", "code"), [("a", 0), ("b", 1)])
def test_an_approval_of_what_main_has_left_behind_deploys_nothing(runner: Runner, newest: str, code: int) -> None:
    runner.world = {**runner.world, "main": newest * 40}
    ran = runner.run(
        step("deploy", "prod", "Refuse what main has left behind"), GH_TOKEN="test-gh", GITHUB_SHA="a" * 40
    )
    assert ran.code == code
    assert ("Approve the run of that commit" in ran.said) == bool(code)
