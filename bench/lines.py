"""A row of the table of targets, whatever it was that was measured."""

from __future__ import annotations

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured beside what, and whether that is within the target; all but that is text.

    ``share`` is lab's figure as a share of the other's, ``spread`` its least and greatest, and
    ``why`` says for a missed target what the floor is and where the rest goes.
    """

    what: str
    lab: str
    beside: str = ""
    takes: str = ""
    share: str = ""
    spread: str = ""
    target: str
    met: bool
    why: str = ""


def table(lines: list[Line]) -> str:
    """The rows in Markdown."""
    head = ["what", "lab", "beside", "takes", "its share of that", "target"]
    head.append("if missed: the floor, and why")
    rows = [head, ["---"] * len(head)]
    for line in lines:
        share = f"**{line.share}**" if line.share else ""
        if line.spread:
            share += f" ({line.spread})"
        result = "met" if line.met else "**missed**"
        cells = [line.what, line.lab, line.beside, line.takes, share, f"{line.target} {result}"]
        rows.append([*cells, "" if line.met else line.why])
    return "\n".join("|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in rows)
