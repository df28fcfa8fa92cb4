"""The native Pulumi provider `gatewright`: the wire contract once (servicer), and one file a resource."""

from infra.provider.logpush_job import LogpushJob
from infra.provider.lora_adapter import LoraAdapter
from infra.provider.published_config import PublishedConfig
from infra.provider.route import Route

RESOURCES = (Route, LogpushJob, LoraAdapter, PublishedConfig)
