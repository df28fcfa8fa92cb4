"""Serves the stand-in: the port on the first line of stdout, until the engine is gone."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from tests.stand_in.plugin import Plugin, api_from_environment


def main() -> None:
    plugin = Plugin(api_from_environment())
    server = grpc.server(ThreadPoolExecutor(max_workers=16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    parent = os.getppid()
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    while os.getppid() == parent:
        time.sleep(0.5)


if __name__ == "__main__":
    main()
