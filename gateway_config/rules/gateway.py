"""Rules about the gateway itself."""

from __future__ import annotations

from collections.abc import Iterator

from gateway_config.problems import Severity
from gateway_config.rules.registry import Checked, Complaint, rule

# Made by Cloudflare on the first request that names no gateway (facts: changelog of 2026-03-02).
RESERVED_IDS = frozenset({"default"})


@rule(tunable=False)
def gateway_id(checked: Checked) -> Iterator[Complaint]:
    """The gateway's id has at most 64 characters, its stage included, and is not one that Cloudflare uses itself."""
    config = checked.config
    if len(config.gateway_id) > 64:
        length = len(config.gateway_id)
        message = (
            f'with its stage the id is "{config.gateway_id}", {length} characters; Cloudflare takes 64. Shorten it.'
        )
        yield checked.in_gateway(("gateway", "id"), message)
    if config.file.gateway.id in RESERVED_IDS:
        message = f'Cloudflare makes a gateway "{config.file.gateway.id}" by itself. Choose another id.'
        yield checked.in_gateway(("gateway", "id"), message)


@rule(Severity.WARNING)
def open_gateway(checked: Checked) -> Iterator[Complaint]:
    """The gateway asks for a token; without one anybody who knows its address spends your money."""
    if not checked.config.file.gateway.authentication:
        message = "anybody can call this gateway. Set `authentication: true`; dynamic routes require it as well."
        yield checked.in_gateway(("gateway", "authentication"), message)


@rule()
def logs_for_push(checked: Checked) -> Iterator[Complaint]:
    """Log push has something to push: logs are collected."""
    gateway = checked.config.file.gateway
    if gateway.logpush_public_key is not None and not gateway.collect_logs:
        message = "nothing is pushed while `collect_logs` is false. Set it to true, or take the key out."
        yield checked.in_gateway(("gateway", "logpush_public_key"), message)


@rule(Severity.WARNING)
def guardrails_buffer(checked: Checked) -> Iterator[Complaint]:
    """Guardrails and DLP make the gateway hold an answer back until it is whole, so nothing streams."""
    gateway = checked.config.file.gateway
    for key in ("guardrails", "data_loss_prevention"):
        if getattr(gateway, key) is not None:
            message = (
                f"with `{key}` the gateway answers streams in one piece, some 500 ms later. Allow it if that is meant."
            )
            yield checked.in_gateway(("gateway", key), message)
