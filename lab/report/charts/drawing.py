"""Drawing Vega-Lite specifications as SVG for a page that has its own colours and widths.

The language: https://vega.github.io/vega-lite/docs/. Colours are the page's CSS variables, so
that one drawing serves light and dark; every chart is drawn for two widths, because text that
is scaled down cannot be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""

COLOURS = ("var(--blue)", "var(--orange)", "var(--green)", "var(--pink)", "var(--sky)")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross")
DASHES: tuple[tuple[int, ...], ...] = ((1, 0), (6, 3), (2, 2), (8, 2, 2, 2), (4, 4))
"""Series differ in all three, for those who see no difference in the first."""
WIDE, NARROW = 740, 290
"""Pixels of the plotting area: on a desk, and on a telephone."""

_VERSION = "6.4"
_THEME: Spec = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--quiet)",
        "titleColor": "var(--quiet)",
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "labelFlush": False,
        "gridColor": "var(--grid)",
        "domainColor": "var(--grid)",
        "tickColor": "var(--grid)",
    },
    "legend": {
        "orient": "top",
        "title": None,
        "labelColor": "var(--ink)",
        "labelFontSize": 12,
        "columnPadding": 22,
        "symbolOpacity": 1,
        "labelLimit": 260,
    },
    "title": {
        "color": "var(--ink)",
        "anchor": "start",
        "fontSize": 12,
        "fontWeight": "normal",
        "offset": 6,
    },
    "text": {"color": "var(--ink)", "fontSize": 12},
}


@dataclass(frozen=True)
class Chart:
    """A drawn chart: its ``title``, what it shows in words, and the SVG for both widths."""

    title: str
    alt: str
    wide: str
    narrow: str


def series(field: str, names: Sequence[str], channels: Sequence[str]) -> Spec:
    """Encodings that tell series apart, "color", "shape" or "strokeDash"; one needs no legend."""
    ranges: Spec = {"color": COLOURS, "shape": SHAPES, "strokeDash": DASHES}
    legend = {} if len(names) > 1 else {"legend": None}
    found: Spec = {}
    for channel in channels:
        values = ranges[channel]
        scale = {"domain": names, "range": [values[i % len(values)] for i in range(len(names))]}
        found[channel] = {"field": field, "type": "nominal", "scale": scale, **legend}
    return found


def draw(name: str, title: str, alt: str, specify: Callable[[int], Spec]) -> Chart:
    """Draw what ``specify`` makes for a width in pixels.

    ``name`` is unique on the page; ``alt`` says what one would see.

    Raises :class:`LabError` when the library that draws is not installed.
    """
    return Chart(
        title,
        alt,
        wide=_svg(f"{name}-wide", alt, specify(WIDE)),
        narrow=_svg(f"{name}-narrow", alt, specify(NARROW)),
    )


def _svg(name: str, alt: str, spec: Spec) -> str:
    try:
        import vl_convert
    except ImportError as error:
        raise LabError(
            "the report's charts need a library that is not installed",
            hint="pip install 'podman-lab[report]'",
        ) from error

    svg: str = vl_convert.vegalite_to_svg(
        {**spec, "config": _THEME}, vl_version=_VERSION, allowed_base_urls=[]
    )
    # Identifiers are the same in every drawing, and all drawings are in one page. Replacements
    # are functions, as a backslash in a text would have a meaning in a template.
    prefix, label = escape(name), f'role="img" aria-label="{escape(alt)}"'

    def with_prefix(tag: re.Match[str]) -> str:
        return re.sub(r' id="|="url\(#', lambda found: f"{found[0]}{prefix}-", tag[0])

    svg = re.sub(r"<[^>]*>", with_prefix, svg)
    size = r'<svg ([^>]*?)width="\d+" height="\d+"'
    return re.sub(size, lambda found: f"<svg {label} {found[1]}", svg, count=1)
