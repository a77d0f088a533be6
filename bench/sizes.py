"""What `make scale` measured: rounds at several sizes, from which its tables are made."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import msgspec

from bench.life.machine import Made
from bench.lines import Line

if TYPE_CHECKING:
    from collections.abc import Callable

FLOOR = "[the floor](bench.md#up-to-100-copies)"
COMPOSE_SHARE, NEAR = 1.0, 1.15
FLAT = 1.25
"""A pod of the largest lab may cost this many times what one of the second smallest does."""


class Times(msgspec.Struct, frozen=True):
    """Seconds until the first answer, and until all was gone."""

    up: float
    down: float


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One round at one size; in seconds.

    ``up`` is until the first answer. ``busy`` is what all processors together worked during it:
    ``busy_lab`` of that in lab's process, ``busy_services`` in those of services A and B, and the
    rest in podman, its helpers and the kernel.
    """

    copies: int
    round: int
    pods: int
    up: float
    again: float
    down: float
    busy: float
    busy_lab: float
    busy_services: float
    compose: Times | None = None
    floor: Times | None = None


class Scale(msgspec.Struct, frozen=True):
    """All rounds; at the size ``beside``, podman-compose and the floor were measured too."""

    made: Made
    processors: int
    beside: int
    points: tuple[Point, ...]

    def sizes(self) -> list[int]:
        """How many copies were tried, in that order."""
        return list(dict.fromkeys(point.copies for point in self.points))

    def median(self, copies: int, value: Callable[[Point], float]) -> float:
        """The median over the rounds at one size."""
        return statistics.median(value(p) for p in self.points if p.copies == copies)

    def lines(self) -> list[Line]:
        """The rows of the table."""
        return [*self._flat(), *self._paired()]

    def _flat(self) -> list[Line]:
        if len(self.sizes()) < 3:  # noqa: PLR2004 - the smallest is mostly what is not a copy
            return []
        few, many = self.sizes()[1], self.sizes()[-1]
        small, large = (self.median(n, lambda p: p.up / p.pods) for n in (few, many))
        return [
            Line(
                what=f"`lab up scale`, {many} copies: per pod",
                lab=f"{large:.2f} s",
                beside=f"the same with {few} copies",
                takes=f"{small:.2f} s",
                share=f"{large / small:.2f}",
                target=f"≤ {FLAT:g}",
                met=large / small <= FLAT,
                why=f"lab's own work per pod is {self._own(many):.0f} ms, "
                f"and was {self._own(few):.0f} ms",
            )
        ]

    def _own(self, copies: int) -> float:
        return self.median(copies, lambda p: p.busy_lab / p.pods) * 1000

    def _paired(self) -> list[Line]:
        pairs = [p for p in self.points if p.compose and p.floor]
        if not pairs:
            return []
        ups = [p.up / p.compose.up for p in pairs if p.compose]
        floors = [p.floor.up / p.compose.up for p in pairs if p.compose and p.floor]
        services, own, rest = (
            self.median(self.beside, value) / pairs[0].pods
            for value in (lambda p: p.busy_services, lambda p: p.busy_lab, _rest)
        )
        share = statistics.median(ups)
        return [
            self._near(pairs),
            Line(
                what=f"`lab up scale`, {self.beside} copies",
                lab=f"{statistics.median(p.up for p in pairs):.1f} s",
                beside="podman-compose",
                takes=f"{statistics.median(p.compose.up for p in pairs if p.compose):.1f} s",
                share=f"{share:.2f}",
                spread=f"{min(ups):.2f} to {max(ups):.2f}",
                target=f"≤ {COMPOSE_SHARE:g}",
                met=share <= COMPOSE_SHARE,
                why=f"{FLOOR} is at {statistics.median(floors):.2f}: on {self.processors} "
                f"processors, a pod takes {rest:.2f} s of work in podman and the kernel, "
                f"{services:.2f} s in its service, {own:.2f} s in lab",
            ),
        ]

    def _near(self, pairs: list[Point]) -> Line:
        """The row beside the bare calls."""
        ratios = [p.up / p.floor.up for p in pairs if p.floor]
        ratio = statistics.median(ratios)
        return Line(
            what=f"`lab up scale`, {self.beside} copies",
            lab=f"{statistics.median(p.up for p in pairs):.1f} s",
            beside="the floor: libpod's bare calls",
            takes=f"{statistics.median(p.floor.up for p in pairs if p.floor):.1f} s",
            share=f"{ratio:.2f}",
            spread=f"{min(ratios):.2f} to {max(ratios):.2f}",
            target=f"≤ {NEAR:g}",
            met=ratio <= NEAR,
            why=f"lab's own work per pod is {self._own(self.beside):.0f} ms",
        )

    def markdown(self) -> str:
        """Medians by size, and where the processors' time went."""
        head = ["copies", "up", "per pod", "up again", "down", "per pod", "work per pod, in all"]
        head += ["in lab", "in the services", "in podman and the kernel"]
        rows = [head, ["---:"] * len(head)]
        for copies in self.sizes():
            values: list[Callable[[Point], float]] = [
                lambda p: p.up,
                lambda p: p.up / p.pods,
                lambda p: p.again,
                lambda p: p.down,
                lambda p: p.down / p.pods,
                lambda p: p.busy / p.pods,
                lambda p: p.busy_lab / p.pods,
                lambda p: p.busy_services / p.pods,
                lambda p: _rest(p) / p.pods,
            ]
            rows.append([str(copies), *(f"{self.median(copies, v):.2f}" for v in values)])
        text = [f"| {' | '.join(row)} |" for row in rows]
        text += ["", f"In seconds; work is processor time. {self._others()}{self.made}"]
        return "\n".join(text)

    def _others(self) -> str:
        compose = [p.compose for p in self.points if p.compose]
        floor = [p.floor for p in self.points if p.floor]
        if not compose or not floor:
            return ""
        up, down, bare_up, bare_down = (
            statistics.median(values)
            for values in (
                [t.up for t in compose],
                [t.down for t in compose],
                [t.up for t in floor],
                [t.down for t in floor],
            )
        )
        return (
            f"With {self.beside} copies, podman-compose takes {up:.1f} s up and {down:.1f} s down, "
            f"libpod's bare calls {bare_up:.1f} and {bare_down:.1f} s. "
        )


def _rest(point: Point) -> float:
    return point.busy - point.busy_lab - point.busy_services
