"""Upstreams that are not Workers AI: one in OpenAI's shape, one in Anthropic's."""

from __future__ import annotations

from tests.emulator.upstreams.catalogue import CatalogueModel, Kind
from tests.emulator.upstreams.reach import UpstreamFailed

UPSTREAMS = ("openai", "anthropic")
OPENAI_CHAT = ("gpt-", "o1", "o3", "o4", "chatgpt-")


def model_of(provider: str, model: str) -> CatalogueModel:
    """The model of another upstream; its price is not known here.  Raises UpstreamFailed."""
    kind: Kind | None = None
    if provider == "openai":
        kind = "embed" if model.startswith("text-embedding-") else "chat" if model.startswith(OPENAI_CHAT) else None
    elif provider == "anthropic":
        kind = "chat" if model.startswith("claude-") else None
    else:
        raise UpstreamFailed(400, 2005, f"Failed to get response from provider {provider}")
    if kind is None:
        raise UpstreamFailed(404, 2005, f"The model `{model}` does not exist or you do not have access to it.")
    return CatalogueModel(model, kind)
