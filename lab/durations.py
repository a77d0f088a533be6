"""Durations as people write them: ``10s``, ``1m30s``, ``500ms``, or plain seconds."""

from __future__ import annotations

import re

_UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001, "us": 0.000001}
_PATTERN = r"(?=[0-9])" + "".join(
    rf"(?:(?P<{unit}>[0-9]{{1,6}}(?:\.[0-9]{{1,6}})?){unit})?" for unit in _UNITS
)


def parse(text: str) -> float:
    """The seconds of a duration: hours (h), minutes (m), seconds (s), ms and us.

    A number without a unit is one of seconds.

    Raises:
        ValueError: it is none; the message continues a sentence that begins with the text.
    """
    plain = text.replace(".", "", 1).isdecimal()
    found = re.fullmatch(_PATTERN, f"{text}s" if plain else text)
    if not found:
        raise ValueError("is not a duration such as 10s, 1m30s or 500ms")
    return round(sum(float(found[unit] or 0) * size for unit, size in _UNITS.items()), 9)


def show(seconds: float) -> str:
    """The shortest duration that :func:`parse` reads as these seconds: ``90`` is ``1m30s``."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.10g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = (f"{hours}h" * bool(hours), f"{minutes}m" * bool(minutes))
    return "".join(parts) + (f"{rest:.10g}s" if rest or not seconds >= 1 else "")
