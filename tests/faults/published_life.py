"""The life of the published config, an object in R2. It is not imported: the next `up` writes it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import patch

from gateway_config.cloudflare.r2 import Bucket
from tests.emulator.server import TEST_TOKEN, Running
from tests.faults.answers import TIMEOUT_S
from tests.faults.case import Subject
from tests.faults.peers import Peer
from tests.faults.provider_life import STEPS, ProviderLife
from tests.faults.s3_peer import faulty_s3, s3_answers
from tests.route_given import ACCOUNT
from tests.s3 import S3

BUCKET, KEY = "configs", "inference-dev.json"
BY_HAND = "{}"


class PublishedLife(ProviderLife):
    """A config that is edited into another one."""

    token = "gatewright:index:PublishedConfig"
    s3: S3
    before_s3: Peer

    def set_up(self) -> None:
        self.peer = self.before_s3
        where = {"accountId": ACCOUNT, "bucket": BUCKET, "key": KEY, "tokenId": "token-id", "tokenValue": TEST_TOKEN}
        self.first = {**where, "content": '{"stage":"dev","digest":"abc"}'}
        self.second = {**where, "content": '{"stage":"dev","digest":"def"}'}

    def edit_by_hand(self) -> None:
        self.s3.client.put_object(Bucket=BUCKET, Key=KEY, Body=BY_HAND.encode())

    def import_id(self) -> str:
        return f"{ACCOUNT}/{BUCKET}/{KEY}"

    def wrong(self, step: str) -> str | None:
        keys = self.s3.keys(BUCKET)
        if keys != ([] if step == "destroy" else [KEY]):
            return f"the bucket holds {keys}"
        if step == "destroy":
            return None
        wanted = {"edit": self.second["content"], "preview": BY_HAND}.get(step, self.first["content"])
        if self.s3.text(BUCKET, KEY) != wanted:
            return "another config is published"
        changes = self.changes() if step != "preview" else None
        return f"the next run would change {changes}" if changes else None


@contextmanager
def _begin(s3: S3, emulator: Running) -> Iterator[ProviderLife]:
    short = functools.partial(Bucket, timeout_s=TIMEOUT_S, sleep=lambda _: None)
    s3.reset()
    s3.make_bucket(BUCKET)
    with (
        faulty_s3(s3.url) as peer,
        patch("infra.provider.published_config.Bucket", short),
        patch("infra.provider.patience.time", SimpleNamespace(sleep=lambda _: None)),
        patch.dict(os.environ, {"GATEWRIGHT_R2_URL": peer.url}),
    ):
        PublishedLife.s3, PublishedLife.before_s3 = s3, peer
        with PublishedLife.begin(emulator) as life:
            yield life


def published_config(s3: S3) -> Subject:
    """It as a subject, in this S3."""
    steps = tuple(step for step in STEPS if step != "import")
    return Subject("PublishedConfig", steps, functools.partial(_begin, s3), s3_answers(TIMEOUT_S))
