"""What a soak found, as Markdown."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from tests.soak.flat import MEBIBYTE, Floors, Held

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.soak.books import Row

_ROWS = (
    "| segment | `lab up`, s | a second | sent | answered | succeeded | lost | by kind "
    "| reconciled |\n|---|---:|---:|---:|---:|---:|---:|---|---|"
)
_HELD = (
    "| process | lives | memory, MiB | handles | connections | flat |\n"
    "|---|---:|---:|---:|---:|---|"
)


def segments(rows: Sequence[Row]) -> str:
    """A line for every segment, then one for all of each name; times are medians there."""
    lines = [_ROWS, *(_segment(f"{i}. {row.name}", [row]) for i, row in enumerate(rows, 1))]
    for name in dict.fromkeys(row.name for row in rows):
        alike = [row for row in rows if row.name == name]
        lines.append(_segment(f"**{name}**, all {len(alike)}", alike))
    return "\n".join(lines)


def processes(held: Iterable[Held]) -> str:
    """A line for every role; what it held are the floors of its middle and last third."""
    lines = (f"| {' | '.join(_process(each))} |" for each in held)
    return "\n".join((_HELD, *lines))


def _segment(title: str, rows: Sequence[Row]) -> str:
    took = [row.up for row in rows if row.up is not None]
    lost = sum((row.lost for row in rows), Counter[str]())
    numbers = (
        f"{median(took):.1f}" if took else "",
        f"{median(row.rate for row in rows):.0f}",
        *(
            str(sum(getattr(row, name) for row in rows))
            for name in ("sent", "answered", "succeeded")
        ),
        str(lost.total()),
        ", ".join(f"{kind} {count}" for kind, count in lost.most_common()),
        _yes([problem for row in rows for problem in row.problems]),
    )
    return f"| {' | '.join((title, *numbers))} |"


def _process(held: Held) -> tuple[str, ...]:
    memory, handles = _change(held.memory, MEBIBYTE, 1), _change(held.handles, 1, 0)
    if not held.lives:
        memory = handles = "too short"
    return held.role, str(held.lives), memory, handles, str(held.connections), _yes(held.problems)


def _change(floors: Floors, unit: float, digits: int) -> str:
    middle, last = (f"{value / unit:.{digits}f}" for value in floors)
    return f"{middle} → {last}"


def _yes(problems: Sequence[str]) -> str:
    return "no" if problems else "yes"
