"""Serves the provider: `python -m infra.provider ENGINE_ADDRESS`, the port on the first line of stdout."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.errors import UsageError
from infra.provider import RESOURCES
from infra.provider.servicer import Servicer

LARGEST_MESSAGE = 400 * 1024 * 1024
"""What the engine itself allows."""
THREADS = 32
PACE = "GATEWRIGHT_CALLS_PER_S"


def connect(environment: Mapping[str, str]) -> ControlPlane:
    """The client that the environment describes, at the pace it asks for. Raises UsageError where that is none."""
    return ControlPlane.from_environment(environment, pace_per_s=_pace(environment.get(PACE)), connections=THREADS)


def _pace(text: str | None) -> float | None:
    if not text:
        return None
    if not re.fullmatch(r"\d+(\.\d+)?", text) or not float(text):
        raise UsageError(f'{PACE} is a number greater than 0, such as 4; found "{text}".')
    return float(text)


def serve() -> grpc.Server:
    """A running server; its port is printed for the engine."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=THREADS),
        options=[
            ("grpc.max_receive_message_length", LARGEST_MESSAGE),
            ("grpc.max_send_message_length", LARGEST_MESSAGE),
        ],
    )
    add_ResourceProviderServicer_to_server(Servicer(RESOURCES, connect), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    return server


def main() -> None:
    """Serves until the engine says so, or is gone: killed, it leaves its plugins running."""
    engine = os.getppid()
    # The engine closes a plugin by SIGINT, and waits ten seconds for one that does not go. A Ctrl-C does not
    # come here: plugins have a process group of their own.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    server = serve()
    while os.getppid() == engine:
        time.sleep(0.2)
    server.stop(None)
    os._exit(0)


if __name__ == "__main__":
    main()
