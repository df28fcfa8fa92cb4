"""A live gateway's settings as gateway.yaml. What the YAML cannot say is named, with a way on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from gateway_config.config import DataLossPrevention, Gateway, Part, SpendLimit, Telemetry
from infra.gateway_inputs import WHEN_FULL
from infra.importing import Models, declared, dumped

Live = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GatewayText:
    """The file; a sentence for each setting that it does not hold; the collectors by the variables to set for them."""

    text: str
    left_out: tuple[str, ...]
    variables: Mapping[str, str]


def gateway_yaml(live: Live, id: str, models: Models) -> GatewayText:
    """gateway.yaml for a live gateway; `id` is without its stage. No secret is in it, nor in what is told."""
    left_out = [*_without_a_word(live)]
    settings = {"id": id, **_scalars(live), **_scans(live, left_out)}
    if limits := [*_spend_limits(live, models, left_out)]:
        settings["spend_limits"] = limits
    if collectors := [*_collectors(live, left_out)]:
        settings["telemetry"] = collectors
    settings = _sayable(settings, left_out)
    told = settings.get("telemetry", [])
    variables = {one["authorization_env"]: one["url"] for one in told if "authorization_env" in one}
    text = dumped({"version": 1, "gateway": settings, "models": declared(models)})
    return GatewayText(text, tuple(left_out), variables)


def _sayable(settings: Mapping[str, Any], left_out: list[str]) -> dict[str, Any]:
    """The settings whose values gateway.yaml can have."""
    id, said = settings["id"], dict(settings)
    for key, value in settings.items():
        try:
            Gateway.model_validate({"id": id, key: value})
        except ValidationError as error:
            if key == "id":
                raise
            where = ".".join(str(step) for step in error.errors()[0]["loc"] if step != "[key]")
            left_out.append(f"{key} (gateway.yaml takes no such value of `{where}`; the dashboard shows it)")
            del said[key]
    return said


_DECLARE = "gateway.yaml has no word for it; it would be declared in infra/gateway_inputs.py"
_WITHOUT_A_WORD = {
    "cache_ttl": "a route opts in by `cache`",
    "cache_invalidate_on_update": "a route opts in to the cache by `cache`",
    "log_classification": _DECLARE,
    "retry_backoff": "an arm repeats by `retries`",
    "retry_delay": "an arm repeats by `retries`",
    "retry_max_attempts": "an arm repeats by `retries`",
    "store_id": _DECLARE,
    "stripe": _DECLARE,
}


def _without_a_word(live: Live) -> Iterator[str]:
    yield from (f"{name} ({way_on})" for name, way_on in _WITHOUT_A_WORD.items() if live.get(name))
    if live.get("workers_ai_billing_mode") not in (None, "postpaid"):
        yield f"workers_ai_billing_mode ({_DECLARE})"
    if bool(live.get("logpush")) != bool(live.get("logpush_public_key")):
        yield "logpush (log push and its public key go together: `logpush_public_key` switches it on)"


_OURS = {theirs: ours for ours, theirs in WHEN_FULL.items()}
_FLAGS = {"zero_data_retention": "zdr", "byok_only": "byok_only"}


def _scalars(live: Live) -> dict[str, Any]:
    settings = {name: bool(live.get(name)) for name in ("authentication", "collect_logs")}
    told: dict[str, Any] = {
        "log_limit": live.get("log_management"),
        "log_when_full": _OURS.get(str(strategy := live.get("log_management_strategy")), strategy),
        "logpush_public_key": live.get("logpush_public_key") if live.get("logpush") else None,
        "rate_limit": _rate_limit(live) if live.get("rate_limiting_limit") else None,
        **{key: live.get(name) for key, name in _FLAGS.items()},
    }
    return {**settings, **{key: value for key, value in told.items() if value}}


def _rate_limit(live: Live) -> dict[str, Any]:
    return {
        "requests": live["rate_limiting_limit"],
        "window_s": live["rate_limiting_interval"],
        "technique": live.get("rate_limiting_technique") or "fixed",
    }


def _scans(live: Live, left_out: list[str]) -> dict[str, Any]:
    """Guardrails and data loss prevention."""
    told: dict[str, Any] = {}
    if guardrails := live.get("guardrails"):
        halves = {half: guardrails.get(half) or {} for half in ("prompt", "response")}
        told["guardrails"] = {
            half: {hazard: action.lower() for hazard, action in hazards.items()} for half, hazards in halves.items()
        }
    if dlp := live.get("dlp"):
        said = {"action": str(dlp.get("action")).lower(), "profiles": dlp.get("profiles")}
        if dlp.get("enabled") and not dlp.get("policies") and _may_be_said(DataLossPrevention, said):
            told["data_loss_prevention"] = said
        else:
            left_out.append("dlp (`data_loss_prevention` is one action for some profiles, switched on)")
    return told


def _spend_limits(live: Live, models: Models, left_out: list[str]) -> Iterator[dict[str, Any]]:
    limits = live.get("spend_limits") or {}
    names = {own.model: name for name, own in models.items()}
    for rule in limits.get("rules") or []:
        said = _spend_limit(rule, names)
        if limits.get("enabled") and said and _may_be_said(SpendLimit, said):
            yield said
        else:
            left_out.append(
                f'spend limit "{rule.get("id")}" (one in force is dollars in a window, for models of the routes, '
                "and for each value of one metadata key)"
            )


def _spend_limit(rule: Live, names: Mapping[str, str]) -> dict[str, Any] | None:
    """One rule in the YAML's words; None where it filters by what they cannot say, or is off."""
    wanted = (rule.get("model") or {}).get("values") or []
    per = rule.get("metadata") or {}
    is_by_value = [one.get("mode") for one in per.values()] in ([], ["partition"])
    if rule.get("provider") or not rule.get("enabled", True) or not is_by_value or set(wanted) - names.keys():
        return None
    told = {
        "id": rule.get("id"),
        "usd": _amount(rule.get("limit") or 0),
        "window_s": rule.get("window"),
        "technique": rule.get("technique") or "sliding",
        "models": [names[model] for model in wanted],
        "per": next(iter(per), None),
    }
    return {key: value for key, value in told.items() if value}


def _amount(limit: int | float) -> int | str:
    """As a decimal, which is read back as the very number that is live."""
    return int(limit) if limit == int(limit) else f"{Decimal(str(limit)):f}"


def _collectors(live: Live, left_out: list[str]) -> Iterator[dict[str, Any]]:
    for number, one in enumerate(live.get("otel") or [], 1):
        said = {"url": one.get("url")}
        if one.get("authorization"):
            said["authorization_env"] = "OTEL_AUTHORIZATION" if number == 1 else f"OTEL_AUTHORIZATION_{number}"
        if one.get("content_type") == "protobuf":
            said["content_type"] = "protobuf"
        if not _may_be_said(Telemetry, said):
            left_out.append(f"collector {number} of otel (`telemetry` has https addresses without user or query)")
            continue
        if one.get("headers"):
            left_out.append(f"the headers of {said['url']} (`telemetry` has `authorization_env` instead)")
        yield said


def _may_be_said(kind: type[Part], said: Mapping[str, Any]) -> bool:
    try:
        kind.model_validate(said)
    except ValidationError:
        return False
    return True
