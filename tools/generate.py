"""Writes the files that are made from the code: pages and schemas."""

import argparse
import subprocess
import sys
from pathlib import Path

from tools.command import ROOT

# file: the command whose output it holds
GENERATED = {
    "docs/coverage.md": "python -m tests.emulator.coverage",
    "docs/rules.md": "python -m tools.rules_page",
    "gateway_config/schemas/gateway.schema.json": "gatewright schema gateway",
    "gateway_config/schemas/route.schema.json": "gatewright schema route",
}


def main(check: bool) -> int:
    wanted = {file: output(command) for file, command in GENERATED.items()}
    stale = [file for file, text in wanted.items() if refresh(ROOT / file, text, check)]
    for file in stale:
        print(f"{file} is stale: scripts/generate writes it" if check else f"wrote {file}")
    return 1 if check and stale else 0


def output(command: str) -> str:
    """What a command prints; where it fails, its own words are shown, and we end."""
    done = subprocess.run(command.split(), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"`{command}` failed, so nothing was written")
    return done.stdout


def refresh(path: Path, wanted: str, check: bool) -> bool:
    """Whether the file was not as wanted; it is now, unless this was only a check."""
    if path.exists() and path.read_text() == wanted:
        return False
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted)
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="scripts/generate", description=f"{__doc__} They are {', '.join(GENERATED)}.")
    parser.add_argument("--check", action="store_true", help="only say which are stale; exit code 1 if any is")
    sys.exit(main(parser.parse_args().check))
