"""A whole stage under the real engine: gateway, route, buckets, tokens, log push and the published config.

Gateway, buckets and tokens are of Cloudflare's own provider, in whose place the stand-in is: what it says, and that it
asks nothing twice, is the stand-in's. What must be true afterwards is said of the emulator, and holds for both.
"""

from __future__ import annotations

import functools
import itertools
import json
import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_config.compile import compile_config
from gateway_config.load import load
from infra.keys import make_pair
from tests.adapter_on_disk import MISTRAL, write_adapter
from tests.emulator.server import Running, running_emulator
from tests.faults.answers import ANSWERS
from tests.faults.case import Case, Subject, calls
from tests.faults.engine_life import EngineLife
from tests.faults.peers import EmulatorPeer, Peer
from tests.faults.s3_peer import faulty_s3
from tests.route_given import ACCOUNT, GATEWAY
from tests.s3 import S3, running_s3
from tests.stand_in.project import edit

STEPS = ("create", "edit", "preview", "refresh", "destroy")
LOGS, CONFIG, KEY = "test-logs", "test-config", "dev.json"
HOME = f"/accounts/{ACCOUNT}"
USES = ("publish-config", "serve", "write-logs")
STAGE = f"""\
config:
  gatewright:buckets: {{logs: {LOGS}, config: {CONFIG}, retention_days: 30}}
  gatewright:tokens:
    serve: {{expires_on: "2038-01-01"}}
    write-logs: {{}}
    publish-config: {{}}
"""
EDITS = {"days: 30": "days: 60", "serve: {": "serve: {generation: 2, ", "logs: {}": 'logs: {expires_on: "2040-01-01"}'}
SERVE_ENDS, BY_HAND, EDITED = "2038-01-01T00:00:00Z", "2039-01-01T00:00:00Z", "2040-01-01T00:00:00Z"
MODEL = f'  tarot-base: {{upstream: workers-ai, model: "{MISTRAL}", kind: chat, capabilities: [lora], price: null}}\n'
ADAPTER = "\nadapters:\n  tarot: {model: tarot-base, folder: adapters/tarot}\n"


@functools.cache
def public_key() -> str:
    return make_pair()[0]


@dataclass
class World:
    """Where stages live, one after another: an emulator whose objects are in an S3, and a folder.

    What a step begins with is made once, and laid out again for each case.
    """

    emulator: Running
    s3: S3
    folder: Path
    made: dict[str, tuple[Any, dict[str, dict[str, bytes]]]] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def empty(self) -> None:
        self.emulator.reset()
        self.s3.reset()
        shutil.rmtree(self.project, ignore_errors=True)

    def keep(self, name: str) -> None:
        """What is there now, under a name."""
        shutil.copytree(self.project, self.folder / name)
        objects = {bucket: self.s3.objects(bucket) for bucket in self.s3.buckets()}
        self.made[name] = (self.emulator.admin("GET", "/state"), objects)

    def lay_out(self, name: str) -> None:
        """What was kept under a name."""
        self.empty()
        shutil.copytree(self.folder / name, self.project)
        state, objects = self.made[name]
        self.emulator.admin("PUT", "/state", state)
        self.emulator.admin("POST", "/seed", {"seed": 2})  # as new, it would give the same ids again
        for bucket, found in objects.items():
            self.s3.make_bucket(bucket)
            for key, body in found.items():
                self.s3.client.put_object(Bucket=bucket, Key=key, Body=body)


class StageLife(EngineLife):
    """Edited, it has another split, retention and date, and a rotated token; by hand, everything was changed."""

    def __init__(self, world: World, peer: Peer, r2_url: str, adapters: bool) -> None:
        super().__init__(world.project, world.emulator)
        self.world, self.peer, self.adapters = world, peer, adapters
        self.environment["GATEWRIGHT_R2_URL"] = r2_url
        gateway = self.config / "gateway.yaml"
        key = textwrap.indent(public_key(), "    ")
        more = f"gateway:\n  id: inference\n  logpush_public_key: |\n{key}{ADAPTER if adapters else ''}"
        edit(gateway, {"gateway: {id: inference}\n": more, "\nprojects:": f"\n{MODEL if adapters else ''}projects:"})
        if adapters:
            write_adapter(self.config / "adapters/tarot")
        (self.folder / "Pulumi.dev.yaml").write_text(STAGE)
        emulator_takes = {"finetune_ready": "at-once"}
        self.emulator.assume(**emulator_takes)

    def prepare(self, step: str) -> None:
        name = f"{step}-with-adapters" if self.adapters else step
        if name in self.world.made:
            self.world.lay_out(name)
            return
        super().prepare(step)
        if step == "edit":
            edit(self.folder / "Pulumi.dev.yaml", EDITS)
        elif step in ("preview", "refresh"):
            self._change_by_hand()
        self.world.keep(name)

    def _change_by_hand(self) -> None:
        api = self.api.client
        api.put(f"{HOME}/r2/buckets/{LOGS}/lifecycle", {"rules": []})
        (token,) = [one for one in api.get(f"{HOME}/tokens") if one["name"].endswith("serve 1")]
        policies = [
            {key: policy[key] for key in ("effect", "permission_groups", "resources")} for policy in token["policies"]
        ]
        groups = [[{"id": group["id"]} for group in policy["permission_groups"]] for policy in policies]
        sent = [{**policy, "permission_groups": ids} for policy, ids in zip(policies, groups, strict=True)]
        api.put(
            f"{HOME}/tokens/{token['id']}",
            {"name": token["name"], "policies": sent, "expires_on": BY_HAND},
        )
        (job,) = api.get(f"{HOME}/logpush/jobs")
        api.put(f"{HOME}/logpush/jobs/{job['id']}", {"enabled": False})
        self.world.s3.client.put_object(Bucket=CONFIG, Key=KEY, Body=b"{}")

    def tokens(self) -> list[str]:
        """The names of the account's tokens."""
        return sorted(token["name"] for token in self.api.client.get(f"{HOME}/tokens"))

    def wrong(self, step: str) -> str | None:
        return (
            super().wrong(step) or self._wrong_names(step) or (self._wrong_values(step) if step != "destroy" else None)
        )

    def _wrong_names(self, step: str) -> str | None:
        api, gone = self.api.client, step == "destroy"
        generation = 2 if step == "edit" else 1
        tokens = [f"gatewright {GATEWAY} {use} {generation if use == 'serve' else 1}" for use in USES]
        there = {
            "tokens": (self.tokens(), [] if gone else tokens),
            "buckets": (sorted(self.world.s3.buckets()), [LOGS] if gone else [CONFIG, LOGS]),
            "jobs": (
                [one["name"] for one in api.get(f"{HOME}/logpush/jobs")],
                [] if gone else [f"gatewright-{GATEWAY}"],
            ),
            "adapters": ([one["name"] for one in api.get(f"{HOME}/ai/finetunes")], ["tarot"] if self.adapters else []),
        }
        return next(
            (f"the account has the {what} {found}" for what, (found, due) in there.items() if found != due), None
        )

    def _wrong_values(self, step: str) -> str | None:
        """By hand or as declared: in a preview everything stays as it was changed."""
        api, by_hand = self.api.client, step == "preview"
        known = {one["id"] for one in self._state()["resources"] if one.get("id")}
        if unknown := [one["name"] for one in api.get(f"{HOME}/tokens") if one["id"] not in known]:
            return f"the state does not know the tokens {unknown}"
        rules = api.get(f"{HOME}/r2/buckets/{LOGS}/lifecycle")["rules"]
        ages = [rule["deleteObjectsTransition"]["condition"]["maxAge"] for rule in rules[1:]]
        if ages != ([] if by_hand else [(60 if step == "edit" else 30) * 86400]):
            return f"the rules are {rules}"
        dates = {one["name"].split()[2]: one["expires_on"] for one in api.get(f"{HOME}/tokens") if one["expires_on"]}
        if dates != self._dates(step):
            return f"the tokens end on {dates}"
        (job,) = api.get(f"{HOME}/logpush/jobs")
        if job["enabled"] == by_hand:
            return f"the job is {job}"
        return self._wrong_config(by_hand)

    def _dates(self, step: str) -> dict[str, str]:
        edited = {"write-logs": EDITED} if step == "edit" else {}
        return {**edited, "serve": BY_HAND if step == "preview" else SERVE_ENDS}

    def _wrong_config(self, by_hand: bool) -> str | None:
        published = json.loads(self.world.s3.text(CONFIG, KEY))
        digest = None if by_hand else compile_config(load(self.config, "dev")).digest
        return None if published.get("digest") == digest else "another config is published"

    def _state(self) -> Any:
        (file,) = (self.folder / "state").glob(".pulumi/stacks/*/dev.json")
        return json.loads(file.read_text())["checkpoint"]["latest"]


@contextmanager
def world_of_stages() -> Iterator[World]:
    """A world in which one stage lives at a time."""
    with (
        running_s3() as s3,
        running_emulator(seed=1, s3_url=s3.url) as emulator,
        tempfile.TemporaryDirectory() as folder,
    ):
        yield World(emulator, s3, Path(folder))


@contextmanager
def _begin(world: World, r2: bool, adapters: bool, emulator: Running) -> Iterator[StageLife]:
    world.empty()
    with faulty_s3(world.s3.url) as before_r2:
        peer: Peer = before_r2 if r2 else EmulatorPeer(emulator)
        life = StageLife(world, peer, before_r2.url, adapters)
        with life.api.client:
            yield life


def stage(
    world: World, name: str, steps: tuple[str, ...] = STEPS, *, r2: bool = False, adapters: bool = False
) -> Subject:
    """A stage as a subject; the calls that meet something are those of Cloudflare's API, or those of R2."""
    return Subject(name, steps, functools.partial(_begin, world, r2, adapters))


CARRIED_OUT = ("reset after applied", "truncated JSON")
"""Answers to a call that was carried out all the same: what it made is there, and nobody was told."""


def stage_cases(subject: Subject, world: World) -> Iterator[Case]:
    """Each call of each step with the next answer in turn; one that changes something also with those of CARRIED_OUT.

    What a step reads several times meets one answer. A timeout is left to the provider, as for the small stage.
    """
    others = itertools.cycle(answer for answer in ANSWERS if answer not in (*CARRIED_OUT, "timeout"))
    all_in_turn = itertools.cycle(answer for answer in ANSWERS if answer != "timeout")
    for step in subject.steps:
        found = calls(subject, step, world.emulator)
        for index, call in enumerate(found):
            changes = not call.startswith("GET ")
            if not changes and call in found[:index]:
                continue
            for answer in (*CARRIED_OUT, next(others)) if changes else (next(all_in_turn),):
                yield Case(subject, step, index, call, answer)
