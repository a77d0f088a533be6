"""Keeps what was measured, and what is written from it: docs/bench.md, its chart, README.md.

    .venv/bin/python -m bench.publish     # writes the pages again from the results in docs/bench

A unit test fails while the pages differ from what the results say.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from bench import page
from bench.build import Build
from bench.life.results import Results
from bench.loader import Loader
from bench.page import Measured
from bench.rates import Rates
from bench.sizes import Scale

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "docs" / "bench"
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "bench.md"
CHART = ROOT / "docs" / "img" / "bench.svg"
Part = TypeVar("Part", Results, Build, Rates, Loader, Scale)


def write(place: Path, name: str, part: Results | Build | Rates | Loader | Scale) -> None:
    """Write results as JSON, a sample a line."""
    text = msgspec.json.encode(part).replace(b"},{", b"},\n{")
    (place / f"{name}.json").write_bytes(text + b"\n")


def read(*places: Path) -> Measured:
    """The results of each kind, from the first place that has them."""
    life = _part(places, "life", Results)
    if life is None:
        msg = f"no life.json in {', '.join(map(str, places))}"
        raise FileNotFoundError(msg)
    return Measured(
        life=life,
        build=_part(places, "build", Build),
        rates=_part(places, "rates", Rates),
        loader=_part(places, "loader", Loader),
        scale=_part(places, "scale", Scale),
    )


def pages(measured: Measured) -> Mapping[Path, str]:
    """What stands in each file that is written from results."""
    readme = README.read_text(encoding="utf-8")
    return {
        PAGE: page.page(measured),
        CHART: page.chart(measured.life),
        README: page.readme(readme, measured),
    }


def renew() -> None:
    """Write the pages from the published results."""
    for path, text in pages(read(PLACE)).items():
        path.write_text(text, encoding="utf-8")


def _part(places: tuple[Path, ...], name: str, kind: type[Part]) -> Part | None:
    for place in places:
        file = place / f"{name}.json"
        if file.exists():
            return msgspec.json.decode(file.read_bytes(), type=kind)
    return None


if __name__ == "__main__":
    renew()
