"""Permission groups: what a token may be allowed."""

from __future__ import annotations

from dataclasses import dataclass

ACCOUNT, ZONE, BUCKET = "com.cloudflare.api.account", "com.cloudflare.api.account.zone", "com.cloudflare.edge.r2.bucket"


@dataclass(frozen=True)
class Group:
    """A permission group; the same name exists in more than one scope."""

    id: str
    name: str
    scope: str

    def as_dict(self) -> dict[str, object]:
        return {"id": self.id, "name": self.name, "scopes": [self.scope]}


# ids as alchemy's PermissionGroups.ts has them from the API; of the zone variants' only the beginning is known
GROUPS = {
    group.id: group
    for group in (
        Group("4dc8917b4b40457d88d3035d5dadb054", "AI Gateway Read", ACCOUNT),
        Group("6c8a3737f07f46369c1ea1f22138daaf", "AI Gateway Write", ACCOUNT),
        Group("644535f4ed854494a59cb289d634b257", "AI Gateway Run", ACCOUNT),
        Group("a92d2450e05d4e7bb7d0a64968f83d11", "Workers AI Read", ACCOUNT),
        Group("bacc64e0f6c34fc0883a1223f938a104", "Workers AI Write", ACCOUNT),
        Group("6a315a56f18441e59ed03352369ae956", "Logs Read", ACCOUNT),
        Group("96163bd1b0784f62b3e44ed8c2ab1eb6", "Logs Write", ACCOUNT),
        Group("c4a30cd5" + "0" * 24, "Logs Read", ZONE),
        Group("3e0b5820" + "0" * 24, "Logs Write", ZONE),
        Group("b4992e1108244f5d8bfbd5744320c2e1", "Workers R2 Storage Read", ACCOUNT),
        Group("bf7481a1826f439697cb59a20b22293e", "Workers R2 Storage Write", ACCOUNT),
        Group("6a018a9f2fc74eb6b293b0c548f38b39", "Workers R2 Storage Bucket Item Read", BUCKET),
        Group("2efd5506f9c8494dacb1fa10a3e7d5b6", "Workers R2 Storage Bucket Item Write", BUCKET),
        Group("5e33b7d77788455c9fdf18cbd38ee5a0", "Secrets Store Read", ACCOUNT),
        Group("adc8fa2bc6124928a8b3314dc63a1235", "Secrets Store Write", ACCOUNT),
        Group("eb56a6953c034b9d97dd838155666f06", "Account API Tokens Read", ACCOUNT),
        Group("5bc3f8b21c554832afc660159ab75fa4", "Account API Tokens Write", ACCOUNT),
    )
}
