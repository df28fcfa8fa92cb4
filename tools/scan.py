"""Looks through the files under version control for what must not be published; prints each place, exit code 1."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.command import ROOT

# Written so that this file does not find itself.
FORBIDDEN = {
    "a credential": re.compile(
        r"\bcfut_\w{20,}|\bsk-[A-Za-z0-9_-]{24,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}|\bpul-[0-9a-f]{40}\b"
        r"|-----BEGIN [A-Z ]*PRIVATE KEY|\bBearer (?!test-)[\w.-]{24,}"
        r"|(?i:(?:token|secret|password|passphrase|api_?key)\w*[\"']?\s*[:=]\s*[\"'])(?!test-)[\w+/-]{32,}[\"']"
    ),
    "a path of one machine": re.compile(r"(?<![\w.])/(?:[h]ome|[U]sers)/\w|(?<![\w.])/[r]oot/|(?<![\w.])/[w]ork/"),
    "a package registry": re.compile(
        r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|(?:proxy|sum)[.]golang[.]org|deb[.]debian[.]org|crates[.]io"
    ),
}


def main() -> int:
    found = [f"{place}: {what}" for place, what in sorted(finds(versioned_files()))]
    print(
        "\n".join(found) or "scan: no credentials, machine paths or registries",
        file=sys.stderr if found else sys.stdout,
    )
    return 1 if found else 0


def finds(files: list[Path]) -> Iterator[tuple[str, str]]:
    """(path:line, what is there) of each find; the text itself is not shown, since it may be a secret."""
    for path in files:
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for what, pattern in FORBIDDEN.items():
                if pattern.search(line) or (what == "a path of one machine" and f"{ROOT}/" in line):
                    yield f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{number}", what


def versioned_files() -> list[Path]:
    """Every file that git has, or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


if __name__ == "__main__":
    sys.exit(main())
