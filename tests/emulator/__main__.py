"""`python -m tests.emulator`: run the emulator until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from tests.emulator.control.r2.objects import ObjectsInS3
from tests.emulator.server import listening, server_of
from tests.emulator.state import StateFile, UnreadableState
from tests.emulator.world import World


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.emulator",
        description="A Cloudflare AI Gateway on this machine.",
        epilog="example: python -m tests.emulator --port 8787 --seed 7",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    parser.add_argument("--port", type=int, default=8787, help="port; 0 takes a free one (default: 8787)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: 0)")
    parser.add_argument("--token", help="the only token accepted (default: any well-formed one)")
    parser.add_argument(
        "--s3", type=http_url, metavar="URL", help="an S3 API for the objects of R2 (default: kept in memory)"
    )
    parser.add_argument("--state", type=Path, help="file to keep all records in, across restarts")
    parser.add_argument(
        "--assume",
        action="append",
        default=[],
        metavar="NAME=CHOICE",
        help="answer an open question differently",
    )
    return parser.parse_args()


def http_url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"expected http://HOST:PORT, not {text!r}")
    return text


def main() -> int:
    """Exit code 0 after Ctrl-C, 2 for wrong usage, 3 where the port cannot be had."""
    wanted = options()
    world = World(wanted.seed, wanted.token)
    if wanted.s3:
        world.objects = ObjectsInS3(wanted.s3)
    try:
        world.assumes.stand(",".join(wanted.assume))
    except ValueError as error:
        print(f"--assume: {error}", file=sys.stderr)
        return 2
    if wanted.state:
        kept = StateFile(world, wanted.state)
        try:
            kept.load()
            kept.save()
        except (UnreadableState, OSError) as error:
            print(f"--state: {error}", file=sys.stderr)
            return 2
        world.after_change.append(kept.keep)
    try:
        bound = listening(wanted.host, wanted.port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "ports go from 0 to 65535"
        print(f"cannot listen on {wanted.host}:{wanted.port}: {why}. Try --port 0.", file=sys.stderr)
        return 3
    bound.listen(2048)
    print(f"emulator ready http://{wanted.host}:{bound.getsockname()[1]}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server_of(world).run(sockets=[bound])
    return 0


if __name__ == "__main__":
    sys.exit(main())
