"""Rules about records: what of a call they keep."""

from __future__ import annotations

from collections.abc import Iterator

from gateway_config.kinds import KINDS
from gateway_config.problems import Severity
from gateway_config.rules.registry import Checked, Complaint, rule
from gateway_config.telling.words import listed, with_article


@rule(Severity.REMARK)
def kept_text(checked: Checked) -> Iterator[Complaint]:
    """A route whose records keep what people write, or are answered, is told; no other route keeps a word of it."""
    for view in checked.routes():
        kept = [part for part in KINDS[view.route.kind].texts if part in view.route.records]
        if kept:
            message = (
                f'the records of "{view.name}" keep the {listed(kept)} of every call, for all who may read them. '
                "Allow it with a reason, or take it out."
            )
            yield view.complaint(("records",), message)


@rule(Severity.WARNING)
def kept_nothing(checked: Checked) -> Iterator[Complaint]:
    """What records are asked to keep is text: a picture, a recording or a vector is never kept."""
    for view in checked.routes():
        kind = KINDS[view.route.kind]
        for number, part in enumerate(view.route.records):
            if part not in kind.texts:
                message = (
                    f"the {part} of {with_article(kind.name)} route is no text, so no record keeps it. Take it out."
                )
                yield view.complaint(("records", number), message)
