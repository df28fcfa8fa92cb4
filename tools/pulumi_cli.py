"""Provides the Pulumi CLI as `.tools/pulumi/bin/pulumi`: links to the chosen one, whoever made it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools import release
from tools.command import ROOT, TOOLS, SetupError, run

MODULE = ROOT / "tools"
BIN = TOOLS / "pulumi" / "bin"
OLDEST, TOO_NEW = (3, 259, 0), (4, 0, 0)
OLDEST_GO = (1, 25)
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
CHOICES = (
    "Choose one: install Pulumi (https://www.pulumi.com/docs/install/), so that `pulumi` is on PATH; "
    "install Go 1.25 or newer; or name a mirror of Pulumi's releases in GATEWRIGHT_PULUMI_RELEASES. "
    "Then run scripts/setup again"
)

Version = tuple[int, ...]


def ensure() -> str:
    """Sees to a CLI that is recent enough and says which it is; raises SetupError with the choices."""
    reasons = []
    for folder, whose in ((_on_path(), "from PATH"), (_kept(), "kept in .tools")):
        version = version_of(folder / "pulumi") if folder else None
        if folder and version and OLDEST <= version < TOO_NEW:
            return _chosen(folder, version, whose)
        if version:
            reasons.append(f"the `pulumi` {whose} is {dotted(version)}, not 3.259 or a later 3")
    _make(reasons)
    return _chosen(_kept(), version_of(_kept() / "pulumi"), "kept in .tools")


def dotted(version: Version | None) -> str:
    return ".".join(map(str, version or ("unknown",)))


def version_of(command: str | Path, *question: str) -> Version | None:
    """The first version number that a command says of itself; None where it does not run."""
    env = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    asked = [str(command), *(question or ("version",))]
    try:
        answer = subprocess.run(asked, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    number = re.search(r"\d+(\.\d+)+", answer.stdout) if answer.returncode == 0 else None
    return tuple(map(int, number[0].split("."))) if number else None


def pinned() -> str:
    """The release that tools/go.mod names; one place for the download and the build."""
    found = re.search(r"pulumi/pkg/v3 v(\S+)", (MODULE / "go.mod").read_text())
    if found is None:
        raise SetupError("tools/go.mod does not name github.com/pulumi/pulumi/pkg/v3")
    return found[1]


def _on_path() -> Path | None:
    """The folder of the `pulumi` on PATH, our own links left out."""
    folders = [part for part in os.get_exec_path() if Path(part).resolve() != BIN.resolve()]
    found = shutil.which("pulumi", path=os.pathsep.join(folders))
    return Path(found).absolute().parent if found else None


def _kept() -> Path:
    return TOOLS / f"pulumi-v{pinned()}"


def _chosen(folder: Path, version: Version | None, whose: str) -> str:
    link = BIN / "pulumi"
    if not (link.exists() and link.samefile(folder / "pulumi")):
        _link(folder)
    host = shutil.which("pulumi-language-python", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")
    without = "" if host else ", without the Python host of plain `pulumi up` (`gatewright up` needs none)"
    return f"Pulumi {dotted(version)} {whose}{without}"


def _link(folder: Path) -> None:
    """Links each `pulumi…` of the folder: the CLI looks for its language hosts beside itself."""
    shutil.rmtree(BIN.parent, ignore_errors=True)
    BIN.mkdir(parents=True)
    for tool in sorted(folder.glob("pulumi*"), reverse=True):
        (BIN / tool.name).symlink_to(tool)


def _make(reasons: list[str]) -> None:
    """Downloads or builds into a folder aside, which gets its name when it is whole."""
    aside = TOOLS / "pulumi.part"
    for way in (release.provide, _build):
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            way(pinned(), aside)
            if version_of(aside / "pulumi") is None:
                raise SetupError("the `pulumi` that came of it does not run here")
        except SetupError as error:
            reasons.append(str(error))
            if way is not _build:
                print(f"{error}: Go is next", flush=True)
            continue
        shutil.rmtree(_kept(), ignore_errors=True)
        aside.rename(_kept())
        return
    raise SetupError(f"there is no Pulumi CLI that fits here: {'; '.join(reasons)}. {CHOICES}")


def _build(version: str, folder: Path) -> None:
    go = shutil.which("go")
    have = version_of(go, "version") if go else None
    if go is None or have is None or have < OLDEST_GO:
        raise SetupError(f"Go is {'older than 1.25' if have else 'not installed'}")
    # With an empty version the Automation API refuses the CLI.
    flags = ["-v", "-ldflags", f"-s -w -X {VERSION_VARIABLE}=v{version}"]
    package = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
    step = f"building Pulumi {version} with Go, about 4 minutes on two cores"
    run(step, *go_build(go, folder / "pulumi", package, *flags), env=go_environment(), cwd=MODULE)


def go_build(go: str, output: Path, package: str, *flags: str) -> list[str | Path]:
    """Builds a command of this module; with the same flags for all, what they share is compiled once."""
    return [go, "build", "-trimpath", "-tags", "osusergo grpcnotrace", *flags, "-o", output, package]


def go_environment() -> dict[str, str]:
    """For `go_build`: this module as it stands, no C compiler."""
    return {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}
