"""The permission groups that the page on CI names for a token, and a token that has them."""

from __future__ import annotations

import re

from gateway_config.cloudflare.control_plane import ControlPlane
from tests.stand_in.project import ROOT, TEST_ACCOUNT

SCOPE = "com.cloudflare.api.account"


def granted(token: str) -> tuple[str, ...]:
    """The permission groups that docs/ci.md names for a token."""
    row = re.compile(rf"^\| `?{token}`?(?:,[^|]*)? \| ([^|]*) \|$", re.MULTILINE)
    [groups] = row.findall((ROOT / "docs/ci.md").read_text())
    return tuple(groups.split(", "))


def new_token(api: ControlPlane, *names: str) -> str:
    """A new token on the account with these permission groups and no others."""
    account = f"/accounts/{TEST_ACCOUNT}"
    known = {one["name"]: one["id"] for one in api.get(f"{account}/tokens/permission_groups", scope=SCOPE)}
    groups = [{"id": known[name]} for name in names]
    policy = {"effect": "allow", "permission_groups": groups, "resources": {f"{SCOPE}.{TEST_ACCOUNT}": "*"}}
    return str(api.post(f"{account}/tokens", {"name": "ci", "policies": [policy]})["value"])
