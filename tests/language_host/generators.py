"""Pulumi's own generators of code, built from tools/codegen: where the CLI came without a host, Go built it too."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

from tools.command import TOOLS
from tools.pulumi_cli import MODULE, go_build, go_environment

BINARY = TOOLS / "codegen"


def build() -> None:
    """Some seconds, since the packages are those of the CLI; at once where nothing has changed."""
    go = shutil.which("go")
    if go is None:
        raise RuntimeError("neither pulumi-language-python nor Go is on PATH: one of them has to make the code")
    aside = BINARY.with_suffix(f".{os.getpid()}")
    command = go_build(go, aside, "./codegen", "-ldflags", "-s -w")
    subprocess.run(command, env=go_environment(), cwd=MODULE, check=True)
    aside.rename(BINARY)


def ask(what: str, request: Any) -> bytes:
    """The answer to a `program` or a `package` request of Pulumi's protocol, as it goes over the wire."""
    sent: bytes = request.SerializeToString()
    done = subprocess.run([BINARY, what], input=sent, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"codegen {what}: {done.stderr.decode()}")
    return done.stdout
