"""The only reader of Pulumi config: what differs between stages and is no routing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pulumi
from pulumi.runtime import config as raw_config
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway_config.errors import ConfigError, UsageError
from gateway_config.problems import Problem
from infra.stage_file import NAMESPACE, RULE, credentials_in, place_of, problems_of
from infra.token_dates import Count, TokenDates

DATA_PLANE = "https://gateway.ai.cloudflare.com/v1"
SAFE_STAGE = "prod"
ACCOUNT = "CLOUDFLARE_ACCOUNT_ID"
_ACCOUNT_ID = re.compile(r"[0-9A-Za-z_-]+")
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def _account_id(text: str) -> str:
    if not _ACCOUNT_ID.fullmatch(text):
        raise ValueError("an account id, such as 32 hexadecimal digits")
    return text


def _bucket_name(text: str) -> str:
    if not _BUCKET_NAME.fullmatch(text):
        raise ValueError("a bucket's name: 3 to 63 small letters, digits and hyphens, none of these at an end")
    return text


BucketName = Annotated[str, AfterValidator(_bucket_name)]
TokenUse = Literal[
    "serve", "deploy", "preview", "write-logs", "read-logs", "ship-usage", "publish-config", "read-config"
]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Buckets(Part):
    """The bucket of logs and usage, and the small one of the published config, which applications may read."""

    logs: BucketName
    config: BucketName
    retention_days: Count = Field(default=90, ge=1)
    location: Literal["apac", "eeur", "enam", "weur", "wnam", "oc"] | None = None
    jurisdiction: Literal["default", "eu", "fedramp"] = "default"


class Safety(Part):
    """What one `up` may do to a stage: more is refused."""

    most_routes: Count = Field(default=2, ge=0)
    most_routes_percent: Count = Field(default=30, ge=0, le=100)
    most_share_points: Count = Field(default=50, ge=0, le=100)


class Settings(Part):
    """Where a stage goes, and what it has besides gateway and routes.

    `data_plane` is the address that applications call, without account and gateway. `safety` is None where an `up`
    may do anything.
    """

    account: Annotated[str, AfterValidator(_account_id)]
    stage: str
    data_plane: str = DATA_PLANE
    buckets: Buckets | None = None
    tokens: Mapping[TokenUse, TokenDates] = {}
    safety: Safety | None = None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the stack that runs. Raises ConfigError or UsageError where one is missing or wrong."""
    plain = {key: value for key, value in raw_config.CONFIG.get().items() if not raw_config.is_config_secret(key)}
    stack = pulumi.get_stack()
    project = next((folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "Pulumi.yaml").is_file()), None)
    return settings_of(plain, stack, environment, (project or Path.cwd()) / f"Pulumi.{stack}.yaml")


def settings_of(config: Mapping[str, Any], stack: str, environment: Mapping[str, str], file: Path) -> Settings:
    """The settings that a stack's config, its name and the environment give; the environment wins.

    `file` is where the config was written: problems come with their places in it.
    """
    # A key without a value is null in the file, and an empty text from the engine: it says nothing.
    told = {key: _parsed(value) for key, value in config.items() if value not in (None, "")}
    if found := [*credentials_in(told, file)]:
        raise ConfigError(found)
    own = {key.removeprefix(NAMESPACE): value for key, value in told.items() if key.startswith(NAMESPACE)}
    own = {"stage": stack, **own}
    if own["stage"] == SAFE_STAGE:
        own = {"safety": {}, **own}
    for name, variable in (("account", ACCOUNT), ("data_plane", "GATEWRIGHT_URL")):
        own |= {name: environment[variable]} if environment.get(variable) else {}
    if not own.get("account"):
        raise UsageError(
            f"The Cloudflare account is missing. Export {ACCOUNT}, "
            "or run `pulumi config set gatewright:account <account id>`."
        )
    if environment.get(ACCOUNT) and not _ACCOUNT_ID.fullmatch(own["account"]):
        raise UsageError(f"{ACCOUNT} is no account id: 32 hexadecimal digits, on the right of the account's overview.")
    return _validated(own, file)


def _validated(own: Mapping[str, Any], file: Path) -> Settings:
    try:
        settings = Settings.model_validate(own)
    except ValidationError as error:
        raise ConfigError(problems_of(error, Settings, file)) from None
    on_buckets = [use for use in settings.tokens if use not in ("serve", "deploy", "preview")]
    if on_buckets and settings.buckets is None:
        place = place_of(file, (f"{NAMESPACE}tokens", on_buckets[0]), key=True)
        message = f"the token {on_buckets[0]} is for a bucket. Add gatewright:buckets, or take the token away."
        raise ConfigError([Problem(place, RULE, message)])
    return settings


def _parsed(value: Any) -> Any:
    """A structured value comes as JSON from the engine, and as it is from the file."""
    try:
        return json.loads(value) if isinstance(value, str) and re.match(r"^[{\[]", value) else value
    except ValueError:
        return value
