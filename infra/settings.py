"""The only reader of Pulumi config: what differs between stages and is no routing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pulumi
from pulumi.runtime import config as raw_config
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway_config.errors import UsageError
from gateway_config.problems import looks_like_credential
from infra.token_dates import TokenDates

DATA_PLANE = "https://gateway.ai.cloudflare.com/v1"
SAFE_STAGE = "prod"
_NAMESPACE = "gatewright:"

BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$")]
TokenUse = Literal[
    "serve", "deploy", "preview", "write-logs", "read-logs", "ship-usage", "publish-config", "read-config"
]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Buckets(Part):
    """The bucket of logs and usage, and the small one of the published config, which applications may read."""

    logs: BucketName
    config: BucketName
    retention_days: int = Field(default=90, ge=1)
    location: Literal["apac", "eeur", "enam", "weur", "wnam", "oc"] | None = None
    jurisdiction: Literal["default", "eu", "fedramp"] = "default"


class Safety(Part):
    """What one `up` may do to a stage: more is refused."""

    most_routes: int = Field(default=2, ge=0)
    most_routes_percent: int = Field(default=30, ge=0, le=100)
    most_share_points: int = Field(default=50, ge=0, le=100)


class Settings(Part):
    """Where a stage goes, and what it has besides gateway and routes.

    `data_plane` is the address that applications call, without account and gateway. `safety` is None where an `up`
    may do anything.
    """

    account: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]+$")]
    stage: str
    data_plane: str = DATA_PLANE
    buckets: Buckets | None = None
    tokens: Mapping[TokenUse, TokenDates] = {}
    safety: Safety | None = None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the stack that runs. Raises UsageError where one is missing, wrong, or a credential."""
    plain = {key: value for key, value in raw_config.CONFIG.get().items() if not raw_config.is_config_secret(key)}
    return settings_of(plain, pulumi.get_stack(), environment)


def settings_of(config: Mapping[str, Any], stack: str, environment: Mapping[str, str]) -> Settings:
    """The settings that a stack's config, its name and the environment give; the environment wins."""
    _refuse_credentials(config)
    own = {key.removeprefix(_NAMESPACE): _parsed(value) for key, value in config.items() if key.startswith(_NAMESPACE)}
    told = {"stage": stack, **own}
    if told["stage"] == SAFE_STAGE:
        told = {"safety": {}, **told}
    for name, variable in (("account", "CLOUDFLARE_ACCOUNT_ID"), ("data_plane", "GATEWRIGHT_URL")):
        told |= {name: environment[variable]} if environment.get(variable) else {}
    if not told.get("account"):
        raise UsageError(
            "The Cloudflare account is missing. Export CLOUDFLARE_ACCOUNT_ID, "
            "or run `pulumi config set gatewright:account <account id>`."
        )
    return _validated(told)


def _validated(told: Mapping[str, Any]) -> Settings:
    try:
        settings = Settings.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = f"{_NAMESPACE}{'.'.join(str(part) for part in first['loc'])}"
        known = ", ".join(f"{_NAMESPACE}{name}" for name in Settings.model_fields)
        unknown = f"is not known. Known: {known}. Mend Pulumi.<stage>.yaml"
        why = unknown if first["type"] == "extra_forbidden" else f"cannot be: {first['msg']}"
        raise UsageError(f"{place} in the stage's config {why}.") from None
    on_buckets = [use for use in settings.tokens if use not in ("serve", "deploy", "preview")]
    if on_buckets and settings.buckets is None:
        raise UsageError(f"The token {on_buckets[0]} is for a bucket: add gatewright:buckets to the stack's config.")
    return settings


def _parsed(value: Any) -> Any:
    """A structured value comes as JSON from the engine, and as it is from the file."""
    return json.loads(value) if isinstance(value, str) and re.match(r"^[{\[]", value) else value


def _refuse_credentials(config: Mapping[str, Any]) -> None:
    """A token in plain text in Pulumi.<stage>.yaml would end up in version control."""
    for key, value in sorted(config.items()):
        # An account id is 32 hexadecimal digits and no secret, although it looks like one.
        if key != f"{_NAMESPACE}account" and isinstance(value, str) and looks_like_credential(value):
            raise UsageError(
                f"{key} in the stack's config looks like a credential. Remove it with `pulumi config rm {key}`, "
                "revoke it, and export the new one as an environment variable."
            )
