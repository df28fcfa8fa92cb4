"""What exists at Cloudflare and is not in the stack yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pulumi import ResourceOptions


@dataclass(frozen=True, slots=True)
class TakeIn:
    """Import ids by the names of resources. `as_is`: what is live stays as it is, whatever the config says."""

    ids: Mapping[str, str] = field(default_factory=dict)
    as_is: bool = False

    def options(self, name: str, inputs: Sequence[str]) -> ResourceOptions:
        """The options that import a resource, if it is to be taken in."""
        if name not in self.ids:
            return ResourceOptions()
        return ResourceOptions(import_=self.ids[name], ignore_changes=list(inputs) if self.as_is else [])
