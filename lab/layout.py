"""Tables that fit where they are printed: wrapped, shortened, or a block for each row."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from lab.paper import LEAST, clean, escape, out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

GAP = "  "
"""Between two columns."""

LEAST_WRAPPED, SLACK = 24, 4
"""Columns below which text is not wrapped in a table, and those that wrapping costs."""


def table(
    columns: Iterable[str],
    rows: Iterable[Iterable[str]],
    *,
    cut: bool = False,
    long: int = -1,
    head: int = 0,
    right: int = 0,
    styles: Mapping[str, str] | None = None,
) -> None:
    """Print a plain table; the cells are text, not markup.

    On a terminal that is too narrow the column ``long`` is wrapped, to two lines at most, or when
    ``cut`` shortened. Where that is not enough, each row becomes a block: the cell of the column
    ``head`` first, which is never cut, and the others behind the names of their columns. The
    first ``right`` columns are set to the right; ``styles`` are by what a cell says.
    """
    names = list(columns)
    cells = [[clean(cell) for cell in row] for row in rows]
    long, head = long % len(names), head % len(names)
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    room = out.width - sum(widths) + widths[long] - len(GAP) * (len(names) - 1)
    least = min(widths[long], max(LEAST_WRAPPED, widths[long] // 2 + SLACK))
    if cut or room >= (widths[long] if long == head else least):
        widths[long] = min(widths[long], max(room, SLACK))
        _grid(names, cells, widths, cut=cut, long=long, right=right, styles=styles or {})
    else:
        for row in cells:
            _block(names, row, long=long, head=head, styles=styles or {})


def _grid(
    names: Sequence[str],
    rows: Iterable[Sequence[str]],
    widths: Sequence[int],
    *,
    cut: bool,
    long: int,
    right: int,
    styles: Mapping[str, str],
) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(names):
        wraps = number == long
        shown.add_column(
            Text(name),
            width=widths[number],
            no_wrap=cut or not wraps,
            overflow="ellipsis" if cut and wraps else "fold",
            justify="right" if number < right else "left",
        )
    for row in rows:
        shown.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    out.draw(shown)


def _block(
    names: Sequence[str], row: Sequence[str], *, long: int, head: int, styles: Mapping[str, str]
) -> None:
    """Print one row on lines of its own."""
    style = styles.get(row[head], "bold")
    first = f"[{style}]{escape(row[head])}[/]"
    sentence = long not in {head, len(names) - 1}
    indent = len(row[head]) + len(GAP)
    told = _wrap(row[long], out.width - indent) if sentence else [""]
    out.print(f"{first}{GAP}{escape(told[0])}" if sentence else first)
    for further in told[1:]:
        out.print(" " * indent + escape(further))
    line, used = "", 0
    for number, (name, cell) in enumerate(zip(names, row, strict=True)):
        if number == head or (sentence and number == long) or not cell:
            continue
        label = f"[dim]{escape(name)}[/] " if name else ""
        before = len(GAP) + len(name) + bool(name)
        if used and used + before + len(cell) > out.width:
            out.print(line)
            line, used = "", 0
        begin, *more = _wrap(cell, out.width - before)
        style = styles.get(cell, "")
        line += f"{GAP}{label}" + (f"[{style}]{escape(begin)}[/]" if style else escape(begin))
        used += before + len(cell)
        for further in more:
            out.print(line)
            line = GAP * 2 + escape(further)
    if line:
        out.print(line)


def _wrap(text: str, width: int) -> list[str]:
    """Text on lines of so many columns, broken between words."""
    return textwrap.wrap(text, max(LEAST, width), break_long_words=False) or [""]
