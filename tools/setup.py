"""`scripts/setup`: the virtual environment and the Pulumi CLI. Killed anywhere, the next run finishes it."""

import argparse
import fcntl
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tools import environment, pulumi_cli
from tools.command import TOOLS, SetupError

ABOUT = """Makes .venv from hashed requirements (by uv where it is, else pip) and provides the Pulumi CLI as
.tools/pulumi/bin/pulumi: from PATH if it is 3.259 or newer, kept from before, the official release,
or built with Go. PYTHON=/path/to/python3 chooses the interpreter."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when everything is there; 1 with one sentence when it cannot be; 130 when stopped."""
    parser = argparse.ArgumentParser(prog="scripts/setup", description=ABOUT)
    parser.add_argument("--quiet", action="store_true", help="say nothing where there is nothing to do")
    quiet = parser.parse_args(arguments).quiet
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _setup(quiet)
    except SetupError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename or TOOLS}: {error.strerror or error}")
    except KeyboardInterrupt:
        return _fail("stopped; run it again to finish", 130)
    return 0


def _setup(quiet: bool) -> None:
    started_s = time.monotonic()
    with exclusive():
        environment.ensure()
        pulumi = pulumi_cli.ensure()
    if not quiet:
        python = f"Python {platform.python_version()} in .venv"
        print(f"ready in {time.monotonic() - started_s:.1f} s: {python}; {pulumi}")


def _fail(sentence: str, code: int = 1) -> int:
    print(f"scripts/setup: {sentence}.", file=sys.stderr)
    return code


@contextmanager
def exclusive() -> Iterator[None]:
    """One setup at a time. The commands it starts inherit the lock, so one that outlives it is waited for."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "setup.lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another scripts/setup is at work here, or one that was killed is ending: waiting", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)


if __name__ == "__main__":
    sys.exit(main())
