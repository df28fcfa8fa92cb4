"""The `pulumi` command as a process that a Ctrl-C ends in order."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import IO

from pulumi import automation
from pulumi.automation.errors import create_command_error

Told = Callable[[str], object]


class PulumiProcess(automation.PulumiCommand):
    """The CLI in a process group of its own, so that a Ctrl-C reaches it through us, and once.

    The SDK's own leaves the engine at work when Python is interrupted.
    """

    told: Told = staticmethod(lambda line: None)
    """Is told that the engine finishes what is under way."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Told | None = None,
        on_error: Told | None = None,
    ) -> automation.CommandResult:
        """Runs it to its end. Interrupted, it ends when what is under way is done, at a second time at once."""
        with subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=self._environment(additional_env),
            encoding="utf-8",
            process_group=0,
        ) as process:
            out, err = _Reader(process.stdout, on_output), _Reader(process.stderr, on_error)
            try:
                process.wait()
            except KeyboardInterrupt:
                self._stop(process)
                raise
            result = automation.CommandResult(out.text(), err.text(), process.returncode)
        if result.code != 0:
            raise create_command_error(result)
        return result

    def _stop(self, process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGINT)
        self.told("interrupted: what is under way is finished first; Ctrl-C again leaves at once")
        try:
            process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait()

    def _environment(self, told: Mapping[str, str]) -> dict[str, str]:
        environment = {**os.environ, **told, "PULUMI_AUTOMATION_API": "true"}
        command = Path(self.command)
        if command.is_absolute():  # its own plugins first, as the SDK does it
            environment["PATH"] = f"{command.parent}{os.pathsep}{environment.get('PATH', '')}"
        return environment


class _Reader:
    """Takes the lines of a stream as they come."""

    def __init__(self, stream: IO[str] | None, told: Told | None) -> None:
        self._lines: list[str] = []
        self._thread = Thread(target=self._read, args=(stream, told))
        self._thread.start()

    def _read(self, stream: IO[str], told: Told | None) -> None:
        for line in stream:
            self._lines.append(line.rstrip())
            if told:
                told(line.rstrip())

    def text(self) -> str:
        """All of it, once the stream has ended."""
        self._thread.join()
        return "\n".join(self._lines)
