"""Replaying: a recorded run once more, with the same inputs, compared with the first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from lab import lifecycle, secret_values
from lab.errors import UsageError
from lab.experiment.run import Purpose, completed, measure, target, warm_up
from lab.measure.records import Record
from lab.measure.traffic.load import Order
from lab.metrics.quantities import Quantities
from lab.topology import scenario
from lab.topology.place import kept
from lab.topology.problems import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.experiment.run import Pouring
    from lab.lifecycle import Lab, Wish

SEED = "seed"
"""The parameter that makes service B's outcomes repeatable."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A run and its repetition.

    ``identical`` says whether the outcomes are the same request by request; None when they
    need not be, because ``reason``.
    """

    first: Record
    second: Record
    identical: bool | None
    reason: str = ""


def wish(first: Record, name: str, given: Mapping[str, str | int] | None = None) -> Wish:
    """What has to be up, as lab ``name``, for a run to be repeated.

    A record has no value of a secret: ``given`` names the files that they are in. What a record
    says of them is passed over, as it may be somebody else's and name any file. Raises
    :class:`lab.errors.UsageError` for a secret that is not given, and for any other parameter.
    """
    given = given or {}
    hidden = {secret.parameter for secret in first.spec.secrets}
    hidden |= {each.name for each in scenario.parameters(first.spec.scenario) if each.secret}
    for other in sorted(given.keys() - hidden):
        raise UsageError(
            f"the run had no secret {quote(other)}", hint="all other parameters are the run's"
        )
    needed = {secret.parameter for secret in first.spec.secrets}
    for unknown in sorted(needed - given.keys() - secret_values.in_environment().keys()):
        raise UsageError(f"the run had the secret {unknown}", hint=secret_values.hint(unknown))
    parameters = first.spec.parameters.items()
    recorded = {k: v for k, v in parameters if v is not None and k not in hidden}
    return lifecycle.Wish(
        scenario=first.spec.scenario,
        name=name,
        given={**recorded, **given},
        local=True,  # a record may be somebody else's, and its traffic comes from here
    )


def replay(lab: Lab, first: Record, wanted: Wish, pouring: Pouring, *, timeout: float) -> Replayed:
    """Bring up what was recorded, from the beginning, and pour the same traffic on it.

    Service B is started anew, and what it had answered before the recorded run began is sent
    first, so that a seeded sequence of failures is at the same place. A lab that is there stays
    where it is published. ``pouring`` shows how far each load is.
    """
    observed = lab.engine.observe(wanted.name)
    if recorded := observed.recorded():
        lifecycle.announce(lab, observed, [wanted.scenario])
        wanted = replace(wanted, given={**wanted.given, **kept(recorded, wanted.wanted)})
        lifecycle.down(lab, wanted.name)
    prepared = lifecycle.prepare(lab, wanted)
    lifecycle.up(lab, prepared, timeout=timeout)
    if _seeded(first) and first.skipped and not _retries(first):
        earlier = Order(url=target(prepared.spec), requests=first.skipped)
        warm_up(earlier, pouring)
    order = msgspec.structs.replace(first.load.order, url="")
    with pouring(order) as tell:
        purpose = Purpose(kind="replay", experiment=first.id)
        second = completed(measure(lab, wanted.name, order, tell, purpose))
    reason = _may_differ(first, second)
    same = first.load.outcomes == second.load.outcomes
    return Replayed(first=first, second=second, identical=None if reason else same, reason=reason)


def _may_differ(first: Record, second: Record) -> str:
    """Why outcomes may differ from one time to the next, "" when they must not."""
    others = _other_images(first, second)
    reasons = {
        f"it ran on other images than now: {', '.join(others)}": bool(others),
        "the run had no seed": not _seeded(first),
        "several requests were in flight": first.load.order.concurrency > 1,
        "it was limited by time": first.load.order.duration is not None,
        "several replicas shared the requests": _replicas(first) > 1,
        "it was interrupted": first.load.partial,
        "it is not known where the seeded sequence began": first.skipped is None,
        "the seeded sequence had begun before, and with retries no request starts it there": bool(
            first.skipped and _retries(first)
        ),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _other_images(first: Record, second: Record) -> list[str]:
    """The names of images that are not what they were: their sources have changed since."""
    now = {image.name: image.id for image in second.images}
    return sorted(image.name for image in first.images if now.get(image.name) != image.id)


def _seeded(record: Record) -> bool:
    return record.spec.parameters.get(SEED) is not None


def _replicas(record: Record) -> int:
    """Among how many replicas of the last hop the requests were shared out."""
    quantities = Quantities(record.spec)
    return len(record.before.of(quantities.service(quantities.last)))


def _retries(record: Record) -> bool:
    """Whether something on the path may ask the next hop more than once."""
    return bool(Quantities(record.spec).retrying)
