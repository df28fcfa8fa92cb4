"""`scripts/setup` in a small checkout, with stand-ins for uv, Go, Pulumi and its release."""

import hashlib
import io
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools import environment
from tools.command import ROOT, cause_of
from tools.pulumi_cli import pinned
from tools.release import system

PULUMI = "#!/bin/sh\necho v{}\n"
UV = """#!/bin/sh
echo "uv $*" >> "$CALLS"
case "$1 $*" in
    *--editable*) [ -z "$EDITABLE_SAYS" ] || { echo "$EDITABLE_SAYS"; exit 1; } ;;
    venv*) for folder; do :; done; mkdir -p "$folder/bin"; ln -s "$BASE_PYTHON" "$folder/bin/python" ;;
    pip*) sleep "${UV_SLEEPS_S:-0}" ;;
esac
"""
GO = """#!/bin/sh
echo "go $*" >> "$CALLS"
[ "$1" = version ] && { echo "go version go${GO_VERSION:-1.26.0} linux/amd64"; exit; }
[ -z "$GO_SAYS" ] || { echo "$GO_SAYS"; exit 1; }
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho v3.259.0\\n' > "$2" && chmod +x "$2"
"""


@dataclass
class Checkout:
    """A copy of what the setup consists of, and a PATH on which only what a test puts there is found."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def bin(self) -> Path:
        return self.root.parent / "bin"

    @property
    def pulumi(self) -> Path:
        return self.root / ".tools" / "pulumi" / "bin" / "pulumi"

    @property
    def calls(self) -> list[str]:
        path = Path(self.env["CALLS"])
        return path.read_text().splitlines() if path.exists() else []

    def put(self, name: str, text: str, folder: Path | None = None) -> None:
        tool = (folder or self.bin) / name
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.write_text(text)
        tool.chmod(0o755)

    def start(self, *arguments: str, **env: str) -> "subprocess.Popen[str]":
        command = [str(self.root / "scripts" / "setup"), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env={**self.env, **env}, stdout=pipe, stderr=pipe, text=True)

    def setup(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments, **env)
        out, err = process.communicate(timeout=30)
        assert "Traceback" not in err
        return subprocess.CompletedProcess([], process.returncode, out, err)

    def release(self, version: str = pinned(), damage: bytes = b"", prefix: str = "pulumi/") -> None:
        """Publishes an archive as Pulumi does, with its checksum beside it."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name in ("pulumi", "pulumi-language-python"):
                entry = tarfile.TarInfo(prefix + name)
                text = PULUMI.format(version).encode()
                entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text))
        name = f"pulumi-v{version}-{system()}.tar.gz"
        (self.releases / name).write_bytes(packed.getvalue() + damage)
        digest = hashlib.sha256(packed.getvalue()).hexdigest()
        (self.releases / f"pulumi-{version}-checksums.txt").write_text(f"{digest}  {name}\n")

    @property
    def releases(self) -> Path:
        folder = self.root.parent / "releases"
        folder.mkdir(exist_ok=True)
        return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", root / "scripts")
    (root / "requirements").mkdir()
    (root / "requirements" / "dev.txt").write_text("thing==1 --hash=sha256:00\n")
    (root / "pyproject.toml").write_text("[project]\n")
    base = str(getattr(sys, "_base_executable", sys.executable))
    made = Checkout(root, {"CALLS": str(tmp_path / "calls"), "BASE_PYTHON": base, "HOME": str(tmp_path)})
    made.env |= {"PATH": str(made.bin), "GATEWRIGHT_PULUMI_RELEASES": f"file://{made.releases}"}
    made.put("uv", UV)
    for tool in ("bash", "dirname", "mkdir", "ln", "sleep", "chmod"):
        (made.bin / tool).symlink_to(str(shutil.which(tool)))
    (made.bin / "python3").symlink_to(base)
    return made


@pytest.fixture
def finished(checkout: Checkout) -> Checkout:
    """A checkout that is set up already, with a `pulumi` on PATH."""
    checkout.put("pulumi", PULUMI.format("3.261.0"))
    assert checkout.setup().returncode == 0
    return checkout


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "what the test waits for does not come"
        time.sleep(0.02)


def test_the_first_run_installs_hashed_requirements_then_the_project(finished: Checkout) -> None:
    venv, requirements, project = finished.calls
    assert venv.startswith("uv venv")
    assert "--require-hashes" in requirements
    assert "--no-build-isolation --editable" in project


def test_a_second_run_does_nothing_in_under_two_seconds(finished: Checkout) -> None:
    before, started_s = finished.calls, time.monotonic()
    assert finished.setup("--quiet").stdout == ""
    assert time.monotonic() - started_s < 2
    assert finished.calls == before


def test_a_changed_lock_makes_a_new_environment(finished: Checkout) -> None:
    (finished.root / "requirements" / "dev.txt").write_text("thing==2 --hash=sha256:00\n")
    finished.setup()
    assert len(finished.calls) == 6


def test_a_changed_project_is_only_installed_again(finished: Checkout) -> None:
    (finished.root / "pyproject.toml").write_text("[project]\nversion = '2'\n")
    finished.setup()
    assert [("--editable" in call) for call in finished.calls[3:]] == [True]


def test_a_checkout_that_was_moved_makes_a_new_environment(finished: Checkout) -> None:
    finished.root = finished.root.rename(finished.root.with_name("elsewhere"))
    assert finished.setup().returncode == 0
    assert len(finished.calls) == 6


def test_a_killed_run_is_repaired_by_the_next(checkout: Checkout) -> None:
    checkout.put("pulumi", PULUMI.format("3.261.0"))
    killed = checkout.start(UV_SLEEPS_S="1")
    wait_for(lambda: len(checkout.calls) == 2)
    killed.kill()
    killed.communicate()
    assert not (checkout.root / ".venv" / "setup.json").exists()
    repaired = checkout.setup()
    assert repaired.returncode == 0, repaired.stderr
    assert len(checkout.calls) == 5


def test_what_a_killed_run_left_running_is_waited_for(checkout: Checkout) -> None:
    checkout.put("pulumi", PULUMI.format("3.261.0"))
    killed = checkout.start(UV_SLEEPS_S="1")
    wait_for(lambda: len(checkout.calls) == 2)
    killed.kill()
    assert "waiting" in checkout.setup().stdout
    killed.communicate()


def test_two_runs_at_a_time_do_the_work_once(checkout: Checkout) -> None:
    checkout.put("pulumi", PULUMI.format("3.261.0"))
    first = checkout.start(UV_SLEEPS_S="1")
    wait_for(lambda: len(checkout.calls) == 2)
    second = checkout.setup()
    first.communicate()
    assert (first.returncode, second.returncode, len(checkout.calls)) == (0, 0, 3)
    assert "another scripts/setup is at work" in second.stdout


def test_a_stopped_run_says_how_to_go_on(checkout: Checkout) -> None:
    process = checkout.start(UV_SLEEPS_S="5")
    wait_for(lambda: len(checkout.calls) == 2)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=4)
    assert (process.returncode, err) == (130, "scripts/setup: stopped; run it again to finish.\n")


def test_a_registry_that_cannot_be_reached_is_one_sentence(checkout: Checkout) -> None:
    failed = checkout.setup(EDITABLE_SAYS="error: Temporary failure in name resolution")
    assert failed.returncode == 1
    assert "could not be reached" in failed.stderr
    assert failed.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_one_sentence(checkout: Checkout) -> None:
    (checkout.root / ".tools").write_text("in the way")
    failed = checkout.setup()
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("OSError: [Errno 28] No space left on device", "no space left"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "hash"),
        ("dial tcp: lookup example: no such host", "could not be reached"),
        ("The virtual environment was not created, because ensurepip is not\navailable.", "python3-venv"),
        ("first\nlast words\n\n", "last words"),
        ("", "it said nothing"),
    ],
)
def test_the_likely_cause_of_a_failure_is_named(output: str, cause: str) -> None:
    assert cause in cause_of(output)


def test_an_old_python_is_one_sentence(checkout: Checkout) -> None:
    (checkout.bin / "python3").unlink()
    checkout.put("python3", "#!/bin/sh\nexit 1\n")
    failed = checkout.setup()
    assert failed.returncode == 1
    assert failed.stderr.startswith("scripts/setup: Python 3.11 or newer is needed")


def test_a_python_that_is_named_and_does_not_fit_is_told_and_no_other_is_taken(checkout: Checkout) -> None:
    failed = checkout.setup(PYTHON="/nowhere/python3")
    assert (failed.returncode, checkout.calls) == (1, [])
    assert "PYTHON=/nowhere/python3 is none" in failed.stderr


def test_without_uv_pip_installs_the_same_locks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said: list[str] = []
    monkeypatch.setattr(environment, "run", lambda step, *command, env: said.append(" ".join(map(str, command))))
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setenv("PATH", "")
    environment._rebuild()
    assert "-m venv" in said[0]
    assert said[1].endswith(f"-m pip install --no-deps --require-hashes -r {environment.REQUIREMENTS}")


def test_a_recent_pulumi_on_path_is_taken_with_its_language_host(checkout: Checkout) -> None:
    checkout.put("pulumi", PULUMI.format("3.261.0"))
    checkout.put("pulumi-language-python", PULUMI.format("3.261.0"))
    assert "Pulumi 3.261.0 from PATH\n" in checkout.setup().stdout
    assert checkout.pulumi.with_name("pulumi-language-python").exists()


@pytest.mark.parametrize("version", ["3.258.9", "4.0.0"])
def test_a_pulumi_on_path_that_does_not_fit_is_passed_over_for_the_release(checkout: Checkout, version: str) -> None:
    checkout.put("pulumi", PULUMI.format(version))
    checkout.release()
    assert f"Pulumi {pinned()} kept in .tools\n" in checkout.setup().stdout
    assert subprocess.check_output([checkout.pulumi], text=True) == f"v{pinned()}\n"


def test_a_pulumi_that_does_not_fit_is_named_where_no_other_can_be_had(checkout: Checkout) -> None:
    checkout.put("pulumi", PULUMI.format("3.100.0"))
    assert "the `pulumi` from PATH is 3.100.0" in checkout.setup().stderr


def test_what_was_provided_before_is_kept(checkout: Checkout) -> None:
    checkout.release()
    checkout.setup()
    shutil.rmtree(checkout.releases)
    assert checkout.setup().returncode == 0


def test_a_kept_pulumi_that_no_longer_runs_is_replaced(checkout: Checkout) -> None:
    checkout.put("pulumi", "#!/bin/sh\nexit 1\n", checkout.root / ".tools" / f"pulumi-v{pinned()}")
    checkout.release()
    assert checkout.setup().returncode == 0
    assert subprocess.check_output([checkout.pulumi], text=True) == f"v{pinned()}\n"


def test_a_release_that_differs_from_its_checksum_is_not_used(checkout: Checkout) -> None:
    checkout.release(damage=b"more")
    failed = checkout.setup()
    assert "does not match its published checksum" in failed.stderr
    assert not checkout.pulumi.exists()


def test_a_release_without_a_checksum_that_is_cut_off_is_not_used(checkout: Checkout) -> None:
    checkout.release()
    archive = next(checkout.releases.glob("*.tar.gz"))
    archive.write_bytes(archive.read_bytes()[:100])
    next(checkout.releases.glob("*.txt")).unlink()
    assert "is not a whole archive" in checkout.setup().stderr


def test_an_archive_cannot_write_outside_its_folder(checkout: Checkout) -> None:
    checkout.release(prefix="../../../")
    assert checkout.setup().returncode == 0
    assert not (checkout.root.parent / "pulumi").exists()


def test_without_a_release_go_builds_the_pinned_version(checkout: Checkout) -> None:
    checkout.put("go", GO)
    assert checkout.setup().returncode == 0
    build = next(call for call in checkout.calls if call.startswith("go build"))
    assert f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{pinned()}" in build
    assert checkout.pulumi.exists()


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        ({}, "Go is not installed"),
        ({"GO_VERSION": "1.24.9"}, "Go is older than 1.25"),
        ({"GO_SAYS": "link: write: No space left on device"}, "there is no space left on the disk"),
    ],
)
def test_where_no_pulumi_can_be_had_the_choices_are_named(
    checkout: Checkout, tools: dict[str, str], reason: str
) -> None:
    if tools:
        checkout.put("go", GO)
    failed = checkout.setup(**tools)
    assert failed.returncode == 1
    assert reason in failed.stderr
    assert "install Pulumi (https://www.pulumi.com/docs/install/)" in failed.stderr
