"""`pulumi-language-python <engine address>`: serves the engine until the engine goes away."""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from concurrent import futures
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from tests.language_host import generators


class Host(LanguageServer):
    """Runs the folder that the engine names, as `python <folder>` would."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def Run(self, request: Any, context: Any) -> Any:
        folder = Path(request.info.program_directory)
        os.chdir(folder)
        self.program = partial(_run, folder)
        request.args.append(sys.argv[-1])
        return super().Run(request, context)  # type: ignore[no-untyped-call]

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version="0.0.0")

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:
        yield language_pb2.InstallDependenciesResponse()

    def GenerateProgram(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.GenerateProgramResponse.FromString(generators.ask("program", request))

    def GeneratePackage(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.GeneratePackageResponse.FromString(generators.ask("package", request))

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.RuntimeOptionsResponse()


def _run(folder: Path) -> None:
    runpy.run_path(str(folder), run_name="__main__")


def main() -> None:
    # The engine ends its hosts by an interrupt.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    server.wait_for_termination()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
