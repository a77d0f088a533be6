"""The ranges of numbers in a record, which a stranger may have written.

JSON has neither NaN nor infinity; beyond these ranges a number is no measurement either, and
arithmetic with it would overflow or take for ever. Reading a record checks them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

MOST = 2**53
"""Up to here whole numbers are exact in JSON's readers, Prometheus and floats."""

Count = Annotated[int, Meta(ge=0, le=MOST)]
Whole = Annotated[int, Meta(ge=-MOST, le=MOST)]
Amount = Annotated[float, Meta(ge=0, le=float(MOST))]
"""A count that may be a mean, a time in seconds, or a rate per second."""
Number = Annotated[float, Meta(ge=-float(MOST), le=float(MOST))]
Quantity = Whole | Number
"""What was counted: a whole number as such, so that it can be compared exactly."""
Share = Annotated[float, Meta(ge=0, le=1)]
Connections = Annotated[int, Meta(ge=1, le=100_000)]
"""How many requests are on their way at a time."""
