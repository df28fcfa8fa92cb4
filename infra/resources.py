"""The typed resource classes that a program uses.

`Route` is of our own provider. `AiGateway` is the stock provider's type by a class of our own: importing
`pulumi_cloudflare` takes two seconds, as long as a whole preview, because it makes the classes
of all of Cloudflare. A test holds our property names against that package; its version is the one we ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, cast

import pulumi
from pulumi import Input, Output, ResourceOptions


class AiGateway(pulumi.CustomResource):
    """`cloudflare:index/aiGateway:AiGateway`; `settings` are its inputs by the stock provider's own names."""

    def __init__(
        self,
        resource_name: str,
        *,
        account_id: Input[str],
        ai_gateway_id: Input[str],
        settings: Mapping[str, Any],
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {"accountId": account_id, "aiGatewayId": ai_gateway_id, **settings}
        super().__init__("cloudflare:index/aiGateway:AiGateway", resource_name, inputs, stock_options(opts))

    @property
    def ai_gateway_id(self) -> Output[str]:
        return _output(self, "aiGatewayId")


class Route(pulumi.CustomResource):
    """`gatewright:index:Route`: a dynamic route, edited in place by new versions.

    `elements` is `{id: {type, properties, outputs: {label: id}}}`; `split` is the percentage of each arm.
    """

    def __init__(
        self,
        resource_name: str,
        *,
        account_id: Input[str],
        gateway_id: Input[str],
        name: Input[str],
        elements: Input[Mapping[str, Any]],
        split: Input[Mapping[str, int]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "accountId": account_id,
            "gatewayId": gateway_id,
            "name": name,
            "elements": elements,
            "split": split,
            "routeId": None,
            "graphDigest": None,
            "versionId": None,
            "deploymentId": None,
            "versions": None,
        }
        super().__init__("gatewright:index:Route", resource_name, inputs, opts)

    @property
    def route_id(self) -> Output[str]:
        return _output(self, "routeId")

    @property
    def graph_digest(self) -> Output[str]:
        """Digest of the deployed graph."""
        return _output(self, "graphDigest")

    @property
    def version_id(self) -> Output[str]:
        return _output(self, "versionId")

    @property
    def versions(self) -> Output[int]:
        """How many versions Cloudflare stores."""
        return _output(self, "versions")


def stock_options(opts: ResourceOptions | None) -> ResourceOptions:
    """Options that ask for the version of the stock plugin that we are locked to."""
    locked = ResourceOptions(version=version("pulumi-cloudflare"))
    return ResourceOptions.merge(locked, opts)


def _output(resource: pulumi.Resource, name: str) -> Output[Any]:
    return cast(Output[Any], pulumi.get(resource, name))
