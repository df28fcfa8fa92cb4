"""Every module that declares operations; importing this one makes the emulator complete."""

from tests.emulator import admin
from tests.emulator.control.gateways import responses as gateways
from tests.emulator.control.routes import responses as routes
from tests.emulator.control.tokens import responses as tokens
from tests.emulator.data import compat

SERVICES = (admin, gateways, routes, tokens, compat)
