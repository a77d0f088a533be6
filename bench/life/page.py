"""The results for people: Markdown tables, and a chart in SVG."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

from bench.life.results import goals

if TYPE_CHECKING:
    from bench.life.results import Results

PEERS = {
    "shell": "the article's shell steps",
    "podman-compose": "podman-compose",
    "kube play": "podman kube play",
    "floor": "the floor: libpod's bare calls",
}
TITLES = {
    "first": "`lab up {scenario}`, nothing to first answer",
    "again": "`lab up {scenario}` when it is up already",
    "switch": "direct to {scenario}, to the first answer",
    "status": "`lab status`",
    "down": "`lab down`, graceful",
}
COLOURS = {
    "lab": "#2563eb",
    "shell": "#9ca3af",
    "podman-compose": "#9ca3af",
    "kube play": "#9ca3af",
    "floor": "#d1d5db",
}
CHARTED = (("first", "direct"), ("first", "sidecar"), ("down", "sidecar"))
BAR, GAP, LABEL, WIDTH = 20, 6, 150, 720


def markdown(results: Results) -> str:
    """The table of goals, and what the figures depend on."""
    lines = [
        "| what | lab | beside | takes | lab as a share of it | goal |",
        "|---|---|---|---|---|---|",
    ]
    for goal in goals():
        row = results.row(goal)
        title = TITLES[goal.what].format(scenario=goal.scenario)
        mark = "met" if row.met else "**missed**"
        lines.append(
            f"| {title} | {row.lab:.2f} s | {PEERS[goal.peer]} | {row.peer:.2f} s "
            f"| **{row.ratio:.2f}** ({row.least:.2f} to {row.greatest:.2f}) "
            f"| ≤ {goal.most:g} {mark} |"
        )
    return "\n".join((*lines, "", _notes(results), ""))


def _notes(results: Results) -> str:
    m = results.machine
    rounds = len(results.seconds("lab", "first", "direct"))
    peak = max(s.memory for s in results.samples if (s.who, s.what) == ("lab", "up")) / 1024
    text = f"""\
Medians of {rounds} rounds, in each of which everyone has a turn, after a warm-up; the share is
the median of the rounds' shares, with the least and the greatest. `lab up` held {peak:.0f} MiB at
most; `lab --help` took {results.median("lab", "help", ""):.2f} s. Made by `{results.command}` on
{m.date}, revision {m.revision}, load average {m.load:.1f} before; {m.processors} processors
({m.processor}), {m.memory}, {m.system}, Linux {m.kernel}; podman {m.podman} with
{m.runtime}, podman-compose {m.podman_compose}, Python {m.python}."""
    return textwrap.fill(" ".join(text.split()), 100, break_on_hyphens=False)


def chart(results: Results) -> str:
    """Horizontal bars, a group for each thing that was timed, with medians in seconds."""
    groups = [
        (TITLES[what].format(scenario=scenario).replace("`", ""), what, scenario)
        for what, scenario in CHARTED
    ]
    longest = max(
        results.median(who, what, scenario) for _, what, scenario in groups for who in COLOURS
    )
    parts: list[str] = []
    y = 10
    for title, what, scenario in groups:
        y += 16
        parts.append(f'<text x="0" y="{y}" class="title">{escape(title)}</text>')
        y += 10
        for who, colour in COLOURS.items():
            seconds = results.median(who, what, scenario)
            width = seconds / longest * (WIDTH - LABEL - 70)
            middle = y + BAR / 2 + 4
            parts += [
                f'<text x="{LABEL - 8}" y="{middle:g}" text-anchor="end">{escape(who)}</text>',
                f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>',
                f'<text x="{LABEL + width + 6:.1f}" y="{middle:g}">{seconds:.2f} s</text>',
            ]
            y += BAR + GAP
        y += 12
    style = (
        "text{font:13px sans-serif;fill:#374151}.title{font-weight:bold}"
        "@media(prefers-color-scheme:dark){text{fill:#d1d5db}}"
    )
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img">',
            "<title>Seconds that lab and its peers take; shorter is better</title>",
            f"<style>{style}</style>",
            *parts,
            "</svg>",
            "",
        )
    )
