"""The use cases of a lab's life: build, up, status, down, clean.

Each is a few lines over observe, plan and apply; what they print is up to the caller. Imports
that only some of them need stand inside them: looking at a lab takes less time than all these.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

import msgspec

from lab import secret_values
from lab.converge import conflicts, defects, images, ports, ready
from lab.converge.diff import diff
from lab.converge.plan import Action, Kind, Plan
from lab.converge.status import Status, status
from lab.errors import (
    AddressTakenError,
    AlreadyThereError,
    ConflictError,
    EndedError,
    EngineError,
    FirewallError,
    NotReadyError,
    StepError,
    UsageError,
)
from lab.topology.spec import ImageSpec, LabSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lab.converge.apply import Reporter
    from lab.converge.observed import Observed
    from lab.converge.plan import Step
    from lab.engine import Engine
    from lab.images.sources import Choice

EXPOSED = "others on this machine's networks can reach the lab's pods"
"""What is said where the rules that keep them out cannot be set, before the reason."""
LOG_LINES, LOG_BYTES = 5, 4096
"""How many lines of each container's log an error of readiness shows, and bytes at most."""
PAUSE = 1.0
"""Seconds that podman is given for what it was last told by a lab that was killed; usually it
needs a tenth of that."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the user asked for: a scenario, a lab's name, parameters, and an image source.

    The value of a secret is not among the parameters that are ``given``, but the file it is in.
    ``allow_root`` lets the scenario run containers as root.
    ``local`` keeps every port on loopback, for parameters that are not the command line's.
    ``ports`` are those of a throw-away lab on loopback, by their names; it is
    ``throwaway`` for the lab of that name.
    """

    scenario: str
    name: str
    given: Mapping[str, int | str]
    source: str = "auto"
    allow_root: bool = False
    local: bool = False
    ports: Mapping[str, int] | None = None
    throwaway: str = ""

    @cached_property
    def wanted(self) -> LabSpec:
        """The scenario with its parameters, as far as it is known without looking at podman."""
        from lab.topology import place

        found = self._load(self.given)
        if self.ports is None:
            return found
        published = place.published_at(found, self.ports)
        return msgspec.structs.replace(published, throwaway=self.throwaway)

    def keeping(self, recorded: LabSpec | None) -> LabSpec:
        """What is wanted, where the lab was told to be published before unless it is told anew."""
        from lab.topology import place

        if self.ports is not None or recorded is None or not recorded.chosen:
            return self.wanted
        given = {**place.kept(recorded, self.wanted), **self.given}
        if given == self.given:
            return self.wanted
        try:
            return self._load(given)
        except UsageError:  # not what was given now: this scenario cannot be published there
            return self.wanted

    def _load(self, given: Mapping[str, int | str]) -> LabSpec:
        from lab.topology import scenario

        return scenario.load(
            self.scenario,
            name=self.name,
            given=given,
            secrets=secret_values.in_environment(),
            local=self.local,
            allow_root=self.allow_root,
        )

    @cached_property
    def secrets(self) -> Mapping[str, str]:
        """The values of the secrets that are given, by parameter; UsageError for bad ones."""
        found = {}
        for name in (secret.parameter for secret in self.wanted.secrets):
            if name in self.given:
                found[name] = secret_values.read(name, str(self.given[name]))
            elif name in secret_values.in_environment():
                found[name] = secret_values.checked(name, secret_values.in_environment()[name])
        return found

    def check(self) -> None:
        """Raise :class:`lab.errors.UsageError` when there can be no such lab.

        To be called before podman is needed, whose service may still be starting.
        """
        self.secrets  # noqa: B018 - reading it is what checks


@dataclass(frozen=True, slots=True)
class Lab:
    """What every use case works with."""

    engine: Engine
    reporter: Reporter


@dataclass(frozen=True, slots=True)
class Prepared:
    """A complete spec, the plan that leads there from what was observed, and the image source."""

    spec: LabSpec
    plan: Plan
    source: Choice
    observed: Observed
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The values of the secrets that were given, by their names in podman."""


def prepare(lab: Lab, wish: Wish) -> Prepared:
    """Everything that ``up`` does before it changes something; what ``--dry-run`` shows.

    Raises :class:`lab.errors.UsageError` or :class:`lab.errors.ConflictError`.
    """
    spec, source, observed = _resolve(lab, wish)
    values: Mapping[str, str] = {}
    if spec.secrets:
        from lab.converge import secrets

        spec, values = secrets.resolve(spec, wish.secrets, observed)
        secrets.check(spec)
    conflicts.check(spec, observed)
    probed = conflicts.ports_to_probe(spec, observed)
    if lab.engine.local:
        ports.check(probed)
    elif probed:
        lab.reporter.note("ports not checked: podman is on another machine")
    for _, container in spec.containers():
        if container.cap_add:
            lab.reporter.note(f"{container.name} asks for {', '.join(container.cap_add)} (cap_add)")
    if observed.exposed:
        lab.reporter.note(f"{EXPOSED}: {observed.exposed}")
    return Prepared(spec, diff(spec, observed), source, observed, values)


def announce(
    lab: Lab, observed: Observed, scenarios: Sequence[str], *, replace: bool = True
) -> None:
    """Say that the scenario of a lab that is up gives way to others, if it does.

    Raises :class:`ConflictError` when it must not be replaced.
    """
    recorded = observed.recorded()
    if recorded is None or not observed.my_pods():
        return
    other = next((each for each in scenarios if each != recorded.scenario), None)
    if other is None:
        return
    if not replace:
        raise ConflictError(
            f"lab {observed.lab} is up with {recorded.scenario}, which {other} would replace",
            hint="leave --no-replace out, or give the other lab a --name and ports of its own",
        )
    lab.reporter.note(f"replacing {recorded.scenario} by {other} in lab {observed.lab}")


def up(lab: Lab, prepared: Prepared, *, timeout: float) -> Status:
    """Carry a prepared plan out and wait until the lab answers.

    Raises :class:`lab.errors.EndedError` as soon as a container has exited that should run.
    """
    prepared = _carry_out(lab, prepared)
    spec = prepared.spec
    steady = ready.STEADY if prepared.plan and _may_end_soon(spec) else 0.0
    try:
        ready.wait(spec, timeout, watcher=_Watcher(lab, spec), steady=steady)
    except NotReadyError as error:
        if detour := lab.engine.detour(prepared.spec.network):
            error.details += (detour,)
        silent = [c.name for pod, c in spec.containers() if pod.name not in error.answered]
        error.details += _last_words(lab.engine, silent)
        raise
    finally:
        lab.reporter.waiting("")
    if not prepared.plan:
        return status(prepared.observed)
    return look(lab.engine, spec.name)


def _may_end_soon(spec: LabSpec) -> bool:
    """Whether there are containers of which nothing but time can show that they go on running.

    Those are all but lab's own, and but the only one of a pod that answers when it is ready.
    """
    own = {i.reference for i in spec.images if i.build and not i.build.context.startswith("/")}
    return any(
        container.image not in own
        and not (len(pod.containers) == 1 and any(port.ready for port in pod.ports))
        for pod, container in spec.containers()
    )


@dataclass(frozen=True, slots=True)
class _Watcher:
    """Sees to a lab that is waited for."""

    lab: Lab
    spec: LabSpec

    def look(self) -> None:
        """Raise :class:`EndedError` when a container has exited that should run."""
        seen = {found.name: found for found in self.lab.engine.containers_of(self.spec.name)}
        ended = {
            wanted.name: found.exit_code
            for _, wanted in self.spec.containers()
            if (found := seen.get(wanted.name)) and defects.ended(wanted, found)
        }
        if not ended:
            return
        hint = "a container whose work has an end says so in its scenario: `completes: true`"
        if any(ended.values()):
            hint = "see `lab logs`; `lab up` starts it again"
        raise EndedError(
            " and ".join(f"{name} exited with code {code}" for name, code in ended.items()),
            hint=hint,
            details=_last_words(self.lab.engine, ended),
        )

    def waiting(self, text: str) -> None:
        """Pass on for what it is waited."""
        self.lab.reporter.waiting(text)


def _carry_out(lab: Lab, prepared: Prepared) -> Prepared:
    """Carry a plan out, or the one that takes its place: each remedy is tried once."""
    remedies: dict[object, Callable[[Lab, Prepared], Prepared]] = {
        AddressTakenError: _elsewhere,
        AlreadyThereError: _anew,
        FirewallError: _unguarded,
    }
    while True:
        try:
            _apply(lab, prepared.plan, prepared.values)
        except StepError as error:
            remedy = remedies.pop(type(error.__cause__), None)
            if remedy is None:
                raise
            lab.reporter.note(f"{error.__cause__}: replanning")
            prepared = remedy(lab, prepared)
        else:
            return prepared


def _anew(lab: Lab, prepared: Prepared) -> Prepared:
    """The same lab, from what podman holds by now.

    Podman goes on with what it was told by a lab that was killed: what it was still creating
    when the plan was made is there a moment later.
    """
    time.sleep(PAUSE)
    observed = lab.engine.observe(prepared.spec.name)
    conflicts.check(prepared.spec, observed)
    return _replanned(lab, prepared, prepared.spec, observed)


def _elsewhere(lab: Lab, prepared: Prepared) -> Prepared:
    """The same lab in another subnet.

    Podman that was killed while it started a pod keeps the lease of its address, of which it
    knows nothing any more, until the host starts anew.
    """
    from lab.topology.place import move

    observed = lab.engine.observe(prepared.spec.name)
    spec = move(prepared.spec, in_use=observed.subnets_in_use)
    return _replanned(lab, prepared, spec, observed)


def _unguarded(lab: Lab, prepared: Prepared) -> Prepared:
    """The same lab, on a host whose kernel refuses the rules; `lab status` goes on naming them."""
    lab.reporter.note(EXPOSED)
    observed = lab.engine.observe(prepared.spec.name)
    observed = msgspec.structs.replace(observed, firewall=None)
    return _replanned(lab, prepared, prepared.spec, observed)


def _replanned(lab: Lab, prepared: Prepared, spec: LabSpec, observed: Observed) -> Prepared:
    observed = images.looked_up(observed, spec, lab.engine.image_id)
    return replace(prepared, spec=spec, plan=diff(spec, observed), observed=observed)


def look(engine: Engine, name: str) -> Status:
    """What runs of a lab now, beside what its last ``up`` asked for."""
    observed = engine.observe(name)
    recorded = observed.recorded()
    if recorded is not None:
        observed = images.looked_up(observed, recorded, engine.image_id)
    return status(observed)


def build(lab: Lab, wish: Wish) -> Prepared:
    """Build what images of a scenario are missing, clear up after builds, and nothing else."""
    spec, source, observed = _resolve(lab, wish)
    plan = diff(spec, observed)
    left = {container.id for container in observed.abandoned()}
    steps = tuple(s for s in plan.steps if s.action is Action.BUILD or s.target in left)
    kept = tuple(kept for kept in plan.kept if kept.kind is Kind.IMAGE)
    plan = Plan(lab=plan.lab, steps=steps, kept=kept)
    _apply(lab, plan)
    return Prepared(spec, plan, source, observed)


def down(lab: Lab, name: str, *, volumes: bool = False, dry_run: bool = False) -> Plan:
    """Remove everything of a lab; its data volumes too when asked."""
    observed = lab.engine.observe(name)
    conflicts.check(None, observed)
    plan = diff(None, observed, volumes=volumes)
    if not dry_run:
        _apply(lab, plan)
    return plan


def clean(lab: Lab, *, dry_run: bool = False) -> Plan:
    """Remove the images that lab has built and that no lab uses."""
    plan = images.unused(lab.engine.observe(""), lab.engine.images.listed())
    if not dry_run:
        _apply(lab, plan)
    return plan


def _resolve(lab: Lab, wish: Wish) -> tuple[LabSpec, Choice, Observed]:
    """The complete spec of a wish, why its images come from where they do, and what is there."""
    from lab.images import recipes, sources
    from lab.topology.place import place

    def probe(reference: str) -> str:
        return lab.engine.images.registry_trouble(reference)

    wish.check()
    observed = lab.engine.observe(wish.name)
    recorded = observed.recorded()
    image_id = cache(lab.engine.image_id)
    wanted = wish.keeping(recorded)
    choice = sources.choose(wish.source, wanted, present=image_id, recorded=recorded, probe=probe)
    spec = recipes.resolve(wanted, choice.source)
    current = _subnet(spec, observed)
    spec = place(spec, current=current, in_use=observed.subnets_in_use)
    return spec, choice, images.looked_up(observed, spec, image_id)


def _apply(lab: Lab, plan: Plan, values: Mapping[str, str] | None = None) -> None:
    """Carry a plan out; ``values`` has those of the secrets that it creates, by name."""
    if not plan:
        return
    from lab.converge import apply

    def carry_out(step: Step) -> None:
        if step.kind is Kind.SECRET and step.action is Action.CREATE and values:
            lab.engine.create_secret(step, values[step.name])
        else:
            lab.engine.execute(step)

    if any(step.action is Action.BUILD for step in plan.steps):
        execute, cancel = _building(lab, carry_out)
    else:
        execute, cancel = carry_out, _nothing
    apply.run(plan, execute, lab.reporter, cancel=cancel)


def _nothing() -> None:
    """What is under way ends by itself soon enough."""


def _building(
    lab: Lab, others: Callable[[Step], None]
) -> tuple[Callable[[Step], None], Callable[[], None]]:
    """How to execute a step of a plan with builds in it, and how to make builds end early."""
    from lab.images import process
    from lab.images.builder import Builder

    builder = Builder(lab.engine.images)
    cancelled = threading.Event()

    def execute(step: Step) -> None:
        def emit(line: str) -> None:
            if cancelled.is_set():
                raise StepError("it was interrupted")
            lab.reporter.progress(step, line)

        if isinstance(step.subject, ImageSpec):
            builder.build(step.subject, emit)
        else:
            others(step)

    def cancel() -> None:
        cancelled.set()
        process.end_all()
        with suppress(EngineError):
            lab.engine.images.end()

    return execute, cancel


def _subnet(spec: LabSpec, observed: Observed) -> str:
    for network in observed.networks:
        if network.mine and network.name == spec.network.name and network.subnets:
            return network.subnets[0]
    return ""


def _last_words(engine: Engine, names: Iterable[str]) -> tuple[str, ...]:
    """The end of the log of each container."""
    lines: list[str] = []
    for name in names:
        end = b""
        for piece in engine.logs(name, tail=LOG_LINES):
            end = (end + piece.text)[-LOG_BYTES:]  # a line has no bounds
        found = end.decode(errors="surrogateescape").split("\n")
        lines += [f"last lines of {name}:", *(f"  {line}" for line in found if line)]
    return tuple(lines)
