"""The typed resource classes that a program uses.

`Route` is of our own provider. The others are the stock provider's types by classes of our own: importing
`pulumi_cloudflare` takes two seconds, as long as a whole preview, because it makes the classes
of all of Cloudflare. A test holds our property names against that package; its version is the one we ask for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi import Input, Output, ResourceOptions

from infra.gateway_inputs import SECRET

GATEWAY_TYPE = "cloudflare:index/aiGateway:AiGateway"
BUCKET_TYPE = "cloudflare:index/r2Bucket:R2Bucket"
TOKEN_TYPE = "cloudflare:index/accountToken:AccountToken"


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
        secret = ResourceOptions(additional_secret_outputs=list(SECRET))
        options = ResourceOptions.merge(secret, stock_options(opts))
        super().__init__(GATEWAY_TYPE, resource_name, inputs, options)

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
            "declaredName": None,
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


class AccountToken(pulumi.CustomResource):
    """`cloudflare:index/accountToken:AccountToken`: an account's API token; `value` is secret and told once."""

    def __init__(
        self,
        resource_name: str,
        *,
        account_id: Input[str],
        name: Input[str],
        policies: Sequence[Mapping[str, Any]],
        expires_on: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "accountId": account_id,
            "name": name,
            "policies": policies,
            "expiresOn": expires_on,
            "value": None,
        }
        secret = ResourceOptions(additional_secret_outputs=["value"])
        options = ResourceOptions.merge(secret, stock_options(opts))
        super().__init__(TOKEN_TYPE, resource_name, inputs, options)

    @property
    def value(self) -> Output[str]:
        return _output(self, "value")


class R2Bucket(pulumi.CustomResource):
    """`cloudflare:index/r2Bucket:R2Bucket`."""

    def __init__(
        self,
        resource_name: str,
        *,
        account_id: Input[str],
        name: Input[str],
        location: Input[str] | None = None,
        jurisdiction: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {"accountId": account_id, "name": name, "location": location, "jurisdiction": jurisdiction}
        # The location comes back in capitals, and a difference in it would replace the bucket with all its logs.
        still = ResourceOptions(ignore_changes=["location"])
        options = ResourceOptions.merge(still, stock_options(opts))
        super().__init__(BUCKET_TYPE, resource_name, inputs, options)

    @property
    def name(self) -> Output[str]:
        return _output(self, "name")


class R2BucketLifecycle(pulumi.CustomResource):
    """`cloudflare:index/r2BucketLifecycle:R2BucketLifecycle`: the whole set of a bucket's rules."""

    def __init__(
        self,
        resource_name: str,
        *,
        account_id: Input[str],
        bucket_name: Input[str],
        rules: Sequence[Mapping[str, Any]],
        jurisdiction: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "accountId": account_id,
            "bucketName": bucket_name,
            "rules": rules,
            "jurisdiction": jurisdiction,
        }
        token = "cloudflare:index/r2BucketLifecycle:R2BucketLifecycle"
        super().__init__(token, resource_name, inputs, stock_options(opts))


class LogpushJob(pulumi.CustomResource):
    """`gatewright:index:LogpushJob`: AI Gateway's records, pushed to a bucket by the key of a token."""

    def __init__(
        self,
        resource_name: str,
        *,
        account_id: Input[str],
        name: Input[str],
        bucket: Input[str],
        token_id: Input[str],
        token_value: Input[str],
        filter: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "accountId": account_id,
            "name": name,
            "bucket": bucket,
            "tokenId": token_id,
            "tokenValue": token_value,
            "filter": filter,
            "jobId": None,
        }
        super().__init__("gatewright:index:LogpushJob", resource_name, inputs, opts)


class PublishedConfig(pulumi.CustomResource):
    """`gatewright:index:PublishedConfig`: the compiled config where applications follow it."""

    def __init__(
        self,
        resource_name: str,
        *,
        account_id: Input[str],
        bucket: Input[str],
        key: Input[str],
        content: Input[str],
        token_id: Input[str],
        token_value: Input[str],
        jurisdiction: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "accountId": account_id,
            "bucket": bucket,
            "jurisdiction": jurisdiction,
            "key": key,
            "content": content,
            "contentDigest": Output.from_input(content).apply(lambda text: hashlib.sha256(text.encode()).hexdigest()),
            "tokenId": token_id,
            "tokenValue": token_value,
            "etag": None,
        }
        super().__init__("gatewright:index:PublishedConfig", resource_name, inputs, opts)


class LoraAdapter(pulumi.CustomResource):
    """`gatewright:index:LoraAdapter`: the two files of a folder as an adapter that answers."""

    def __init__(
        self,
        resource_name: str,
        *,
        account_id: Input[str],
        name: Input[str],
        model: Input[str],
        folder: Path,
        rank: Input[int] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "accountId": account_id,
            "name": name,
            "model": model,
            "folder": str(folder.resolve()),
            "rank": rank,
            "contentDigest": None,
            "adapterId": None,
            "uploaded": None,
            "ready": None,
        }
        super().__init__("gatewright:index:LoraAdapter", resource_name, inputs, opts)

    @property
    def adapter_id(self) -> Output[str]:
        return _output(self, "adapterId")


def stock_version() -> str:
    """The version of the stock plugin that we are locked to."""
    return version("pulumi-cloudflare")


def stock_options(opts: ResourceOptions | None) -> ResourceOptions:
    """Options that ask for that version."""
    locked = ResourceOptions(version=stock_version())
    return ResourceOptions.merge(locked, opts)


def _output(resource: pulumi.Resource, name: str) -> Output[Any]:
    return cast(Output[Any], pulumi.get(resource, name))
