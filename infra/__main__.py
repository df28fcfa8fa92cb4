"""The Pulumi program: settings → load → compile → declare."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pulumi

from gateway_config.compile import compile_config
from gateway_config.errors import GatewrightError
from gateway_config.load import load
from infra.declare import declare
from infra.gateway_inputs import gateway_inputs, plain_inputs
from infra.settings import read_settings
from infra.take_in import TakeIn

NOTHING = TakeIn()


def main(config_directory: Path, *, take_in: TakeIn = NOTHING, environment: Mapping[str, str] = os.environ) -> None:
    """Declares the stage that runs. Problems of the config are lines of the engine; nothing is deployed."""
    try:
        settings = read_settings(environment)
        config = load(config_directory, settings.stage)
        # What is taken in as it is needs no secret, so that none has to be set for it.
        inputs = plain_inputs(config.file) if take_in.as_is else gateway_inputs(config.file, environment)
        declare(config, compile_config(config), settings, inputs, take_in)
    except GatewrightError as error:
        *lines, last = str(error).splitlines()
        for line in lines:
            pulumi.log.error(line)
        raise pulumi.RunError(last) from None


if __name__ == "__main__":
    main(Path(__file__).parent.parent / "gateway_config")
