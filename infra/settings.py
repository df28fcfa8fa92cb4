"""The only reader of Pulumi config: what differs between stages and is no routing."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import config as raw_config

from gateway_config.errors import UsageError
from gateway_config.problems import looks_like_credential

DATA_PLANE = "https://gateway.ai.cloudflare.com/v1"
_ACCOUNT = re.compile(r"[0-9A-Za-z_-]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a stage goes. `data_plane` is the address that applications call, without account and gateway."""

    account: str
    stage: str
    data_plane: str = DATA_PLANE


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the stack that runs. Raises UsageError where one is missing or is a credential."""
    plain = {key: value for key, value in raw_config.CONFIG.get().items() if not raw_config.is_config_secret(key)}
    return settings_of(plain, pulumi.get_stack(), environment)


def settings_of(config: Mapping[str, Any], stack: str, environment: Mapping[str, str]) -> Settings:
    """The settings that a stack's config, its name and the environment give; the environment wins."""
    _refuse_credentials(config)
    account = environment.get("CLOUDFLARE_ACCOUNT_ID") or config.get("gatewright:account") or ""
    if not _ACCOUNT.fullmatch(str(account)):
        found = f'found "{account}"' if account else "found none"
        raise UsageError(
            f"The Cloudflare account is missing: {found}. Export CLOUDFLARE_ACCOUNT_ID, "
            "or run `pulumi config set gatewright:account <account id>`."
        )
    return Settings(
        account=str(account),
        stage=str(config.get("gatewright:stage") or stack),
        data_plane=environment.get("GATEWRIGHT_URL") or DATA_PLANE,
    )


def _refuse_credentials(config: Mapping[str, Any]) -> None:
    """A token in plain text in Pulumi.<stage>.yaml would end up in version control."""
    for key, value in sorted(config.items()):
        # An account id is 32 hexadecimal digits and no secret, although it looks like one.
        if key != "gatewright:account" and isinstance(value, str) and looks_like_credential(value):
            raise UsageError(
                f"{key} in the stack's config looks like a credential. Remove it with `pulumi config rm {key}`, "
                "revoke it, and export the new one as an environment variable."
            )
