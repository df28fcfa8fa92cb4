"""Writes the files that are made from the code; `--check` only says which are stale, exit code 1."""

import subprocess
import sys
from pathlib import Path

from tools.command import ROOT

# file: the command whose output it holds
GENERATED: dict[str, str] = {}


def main(check: bool) -> int:
    stale = [file for file, command in GENERATED.items() if refresh(ROOT / file, output(command), check)]
    for file in stale:
        print(f"{file} is stale: scripts/generate writes it" if check else f"wrote {file}")
    return 1 if check and stale else 0


def output(command: str) -> str:
    """What a command prints; the script ends when the command fails."""
    return subprocess.run(command.split(), cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def refresh(path: Path, wanted: str, check: bool) -> bool:
    """Whether the file was not as wanted; it is now, unless this was only a check."""
    if path.exists() and path.read_text() == wanted:
        return False
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted)
    return True


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
