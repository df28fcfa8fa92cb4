"""Every module that declares operations.  Whoever needs the whole table takes it from here."""

from tests.emulator import admin
from tests.emulator.control.finetunes import responses as finetunes
from tests.emulator.control.gateways import responses as gateways
from tests.emulator.control.logpush import responses as logpush
from tests.emulator.control.logs import responses as logs
from tests.emulator.control.model_search import responses as model_search
from tests.emulator.control.provider_configs import responses as provider_configs
from tests.emulator.control.r2 import responses as r2
from tests.emulator.control.routes import responses as routes
from tests.emulator.control.tokens import responses as tokens
from tests.emulator.data import compat, providers, rest, run, universal, workers_ai
from tests.emulator.router import OPERATIONS, find

__all__ = ["OPERATIONS", "SERVICES", "find"]

SERVICES = (
    admin,
    gateways,
    routes,
    tokens,
    finetunes,
    logs,
    model_search,
    provider_configs,
    logpush,
    r2,
    compat,
    providers,
    rest,
    run,
    universal,
    workers_ai,
)
