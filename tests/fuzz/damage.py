"""Ways to spoil texts and JSON, as strategies."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

WORDS = (
    *("", "a", "../../etc", "$(id)", "`id`", "; rm -rf /", "a\nb", "\x1b[31m", "\x00", "\u202e"),
    *("ä", "-1", "0", "1e9", "99999999999999999999", "null", "true", "[", "{}", "${a}", "--help"),
    "\x9b31m",
    *("~", "/", "a" * 5000, "localhost:8080", "127.0.0.1", "::1", ".", "..", "'", '"', "\\"),
)
word = st.sampled_from(WORDS) | st.text(max_size=12)
scalar = st.none() | st.booleans() | st.integers() | st.floats() | word


def spoiled_lines(text: str) -> st.SearchStrategy[bytes]:
    """A text with some lines dropped, doubled, moved or overwritten in part, perhaps cut off."""
    lines = text.splitlines()
    edit = st.tuples(
        st.integers(0, len(lines) - 1),
        st.sampled_from(("drop", "double", "indent", "overwrite", "insert")),
        st.integers(0, 40),
        word,
    )

    def spoil(edits: list[tuple[int, str, int, str]], cut: int | None) -> bytes:
        changed = list(lines)
        for at, how, column, inserted in edits:
            line = changed[at % len(changed)] if changed else ""
            new = {
                "drop": [],
                "double": [line, line],
                "indent": [" " * (column % 5) + line.lstrip()],
                "overwrite": [line[:column] + inserted],
                "insert": [line[:column] + inserted + line[column:]],
            }[how]
            changed[at % max(len(changed), 1) : at % max(len(changed), 1) + 1] = new
        return "\n".join(changed).encode(errors="surrogatepass")[:cut]

    return st.builds(
        spoil,
        st.lists(edit, min_size=1, max_size=4),
        st.none() | st.integers(0, len(text)),
    )


@st.composite
def spoiled_json(draw: st.DrawFn, value: Any) -> bytes:  # noqa: ANN401 - any JSON
    """A JSON text in which some values became others or went missing, perhaps cut off."""
    spoiled = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(0, 3))):
        holder, key = draw(st.sampled_from(_places(spoiled) or [(None, None)]))
        if holder is None:
            break
        if isinstance(holder, dict) and draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = draw(scalar | st.lists(scalar, max_size=2))
    text = json.dumps(spoiled).encode()
    if draw(st.integers(0, 3)) == 0:
        return text[: draw(st.integers(0, len(text)))]
    return text


def _places(value: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - any JSON
    """Every container and key in some JSON."""
    found: list[tuple[Any, Any]] = []
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    for key in keys:
        found.append((value, key))
        found += _places(value[key])
    return found
