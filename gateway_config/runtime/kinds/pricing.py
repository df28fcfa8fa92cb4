"""What a call cost, exactly, or None: a price or a count that is not known never becomes zero."""

from __future__ import annotations

from decimal import Decimal

from gateway_config.compiled import CompiledPrice
from gateway_config.runtime.answer import Usage

_PER_TOKEN = Decimal(1).scaleb(-6)


def cost_usd(price: CompiledPrice | None, usage: Usage | None) -> Decimal | None:
    """US dollars for the tokens of a call.

    Cached input is priced apart where the model has such a price (facts section 8); elsewhere it costs as any other.
    """
    if price is None or usage is None or usage.tokens_in is None or usage.tokens_out is None:
        return None
    cached = min(usage.cached_tokens_in or 0, usage.tokens_in) if price.cached_in_usd_per_mtok is not None else 0
    parts = (
        (usage.tokens_in - cached, price.in_usd_per_mtok),
        (cached, price.cached_in_usd_per_mtok),
        (usage.tokens_out, price.out_usd_per_mtok),
    )
    total = Decimal(0)
    for tokens, per_mtok in parts:
        if tokens and per_mtok is None:
            return None
        total += tokens * (per_mtok or 0)
    return total * _PER_TOKEN


def input_cost_usd(price: CompiledPrice | None, usage: Usage | None) -> Decimal | None:
    """The same for a model that is paid for its input only: it has no tokens out."""
    if price is None or price.in_usd_per_mtok is None or usage is None or usage.tokens_in is None:
        return None
    return usage.tokens_in * price.in_usd_per_mtok * _PER_TOKEN
