"""What the tests of converging share: complete specs, a way to `up` and `down`, readable plans."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from lab.converge import apply, conflicts
from lab.converge.diff import diff, record_of
from lab.images import recipes
from lab.topology import scenario
from lab.topology.place import place

if TYPE_CHECKING:
    from lab.converge.apply import Outcome
    from lab.converge.plan import Plan, Step
    from lab.topology.spec import LabSpec
    from tests.unit.fake_engine import FakeEngine

NETWORKS = {"lab": "lab", "two": "two-lab"}
SUBNETS = {"lab": "10.64.1.0/24", "two": "10.64.2.0/24"}


class Silence:
    """A reporter that says nothing."""

    def note(self, text: str) -> None:
        pass

    def waiting(self, text: str) -> None:
        pass

    def started(self, step: Step) -> None:
        pass

    def progress(self, step: Step, line: str) -> None:
        pass

    def finished(self, step: Step, outcome: Outcome) -> None:
        pass


@cache
def spec(ref: str, /, *, name: str = "lab", subnet: str = "", **given: str | int) -> LabSpec:
    """A shipped scenario with everything filled in; ``error_rate=30`` is its error-rate."""
    parameters = {key.replace("_", "-"): value for key, value in given.items()}
    loaded = scenario.load(ref, name=name, given=parameters)
    resolved = recipes.resolve(loaded, recipes.REGISTRY)
    return place(resolved, current=subnet or SUBNETS[name], in_use=())


def spec_here(engine: FakeEngine, ref: str, name: str = "lab") -> LabSpec:
    """The same, with the subnet that the lab's network has already."""
    network = engine.networks.get(NETWORKS[name])
    return spec(ref, name=name, subnet=network.subnet if network else "")


def up(engine: FakeEngine, wanted: LabSpec) -> Plan:
    """Converge as ``lab up`` does; returns the plan that was carried out."""
    observed = engine.observe(wanted.name)
    conflicts.check(wanted, observed)
    plan = diff(wanted, observed)
    apply.run(plan, engine.execute, Silence())
    return plan


def down(engine: FakeEngine, name: str = "lab", *, volumes: bool = False) -> Plan:
    """Remove a lab as ``lab down`` does; returns the plan that was carried out."""
    plan = diff(None, engine.observe(name), volumes=volumes)
    apply.run(plan, engine.execute, Silence())
    return plan


def readable(plan: Plan, **records: LabSpec) -> str:
    """A plan's text, one line a step or kept resource, with names in place of hashes.

    The record of a spec given as ``direct=...`` reads ``<direct>``, and an image's reference
    is left out since its name stands beside it.
    """
    text = str(plan)
    for word, wanted in records.items():
        text = text.replace(record_of(wanted).name, f"<{word}>")
    return re.sub(r"because (localhost|docker\.io)/\S+ is not", "because it is not", text)


def changes(plan: Plan, **records: LabSpec) -> str:
    """The steps of a plan as :func:`readable` gives them, without what is kept."""
    return readable(msgspec.structs.replace(plan, kept=()), **records)


def golden(text: str) -> str:
    """An indented block as it stands in a test, without its indentation."""
    return "\n".join(line.strip() for line in text.strip().splitlines())
