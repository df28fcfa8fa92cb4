"""The LoRA adapters of gateway.yaml."""

from __future__ import annotations

from pathlib import Path

from gateway_config.config import GatewayConfig
from infra.resources import LoraAdapter
from infra.settings import Settings


def make_adapters(config: GatewayConfig, settings: Settings) -> list[LoraAdapter]:
    """Ours. A folder is named as seen from gateway.yaml; an adapter has the same name in every stage."""
    beside = Path(config.gateway_source.document.name).parent
    return [
        LoraAdapter(
            f"adapter-{name}",
            account_id=settings.account,
            name=name,
            model=config.file.models[adapter.model].model,
            folder=beside / adapter.folder,
            rank=adapter.rank,
        )
        for name, adapter in config.file.adapters.items()
    ]
