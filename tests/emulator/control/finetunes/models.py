"""Finetunes: records and rules.  There is no update and no delete; a slot is used for ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.clock import parse_timestamp
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.catalogue import CatalogueModel
from tests.emulator.upstreams.reach import UpstreamFailed
from tests.emulator.world import World, store

ASSET_NAMES = ("adapter_config.json", "adapter_model.safetensors")
MOST_FINETUNES = 100
READY_AFTER_S = 30

READY = assumption(
    "finetune-ready", "When can an uploaded adapter be used: at once, or half a minute later?", "later", "at-once"
)


@dataclass
class Finetune:
    """`assets` are file names with their sizes in bytes."""

    id: str
    model: str
    name: str
    description: str | None
    public: bool
    created_at: str
    modified_at: str
    assets: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        shown = {name: value for name, value in vars(self).items() if name != "assets"}
        return {name: value for name, value in shown.items() if value is not None}


@store
class Finetunes:
    """The adapters of one account, by id."""

    all: dict[str, Finetune] = field(default_factory=dict)

    def find(self, name_or_id: str) -> Finetune | None:
        named = (one for one in self.all.values() if one.name == name_or_id)
        return self.all.get(name_or_id) or next(named, None)

    def create(self, world: World, model: str, name: str, description: str | None, public: bool) -> Finetune:
        now = world.clock.timestamp()
        finetune = Finetune(world.chance.uuid(), model, name, description, public, now, now)
        return self.all.setdefault(finetune.id, finetune)


@behaviour("an upload is no proof of readiness: 3037 Finetune not found, for a while", "LIVE", "docs#14757, #23272")
def check_adapter(world: World, account: str, model: CatalogueModel, adapter: str) -> None:
    """Whether a model can be run with an adapter now; raises UpstreamFailed as Workers AI answers."""
    if "lora" not in model.traits:
        raise UpstreamFailed(405, 5005, f"AiError: AiError: {model.id} does not support LoRa inference")
    finetune = world.of(account, Finetunes).find(adapter)
    missing = UpstreamFailed(400, 3037, f"AiError: AiError: Finetune {adapter} not found")
    if finetune is None or finetune.model != model.id:
        raise missing
    if set(finetune.assets) != set(ASSET_NAMES):
        raise UpstreamFailed(400, 3039, "Finetune is missing required files (model.safetensors, config.json)")
    ready_s = parse_timestamp(finetune.modified_at) + READY_AFTER_S
    if world.assumes(READY) == "later" and world.clock.now() < ready_s:
        raise missing
