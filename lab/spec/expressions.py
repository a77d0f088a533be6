"""The one notation for quantities: sums and products of them, and comparisons between those.

A quantity is a dotted name: ``client.sent``, ``web-proxy.egress.retries``. A dash may stand
in a name, so that a minus needs spaces around it. Numbers may have a unit: ``100ms``, ``2s``,
``99%``; times are seconds, percentages shares.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from lab.measure.numbers import MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Number: TypeAlias = int | float

LONGEST = 1000
"""Characters that an expression may have."""
COMPARISONS: dict[str, Callable[[Number, Number], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_OPERATORS: dict[str, Callable[[Number, Number], Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_UNITS = {"": 1, "%": 0.01, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>%|[a-z]*)(?![\w.])"
    r"|(?P<name>[A-Za-z][\w]*(?:[.-][\w]+)*)"
    r"|(?P<sign><=|>=|[-+*=<>()]))"
)


class Sum(msgspec.Struct, frozen=True):
    """An expression: its ``text`` as written, and the same as operations in postfix order."""

    text: str
    steps: tuple[Number | str, ...]

    def names(self) -> tuple[str, ...]:
        """The quantities in it, each once."""
        names = (step for step in self.steps if isinstance(step, str) and step not in _OPERATORS)
        return tuple(dict.fromkeys(names))

    def value(self, counts: Mapping[str, Number | None]) -> Number | None:
        """What it comes to; None when a quantity was not measured, or it is beyond all counting.

        KeyError for an unknown quantity.
        """
        stack: list[Number] = []
        for step in self.steps:
            if not isinstance(step, str):
                stack.append(step)
            elif step in _OPERATORS:
                right, left = stack.pop(), stack.pop()
                stack.append(_OPERATORS[step](left, right))
                if not -MOST <= stack[-1] <= MOST:
                    return None
            else:
                found = counts[step]
                if found is None:
                    return None
                stack.append(found)
        return stack.pop()


class Comparison(msgspec.Struct, frozen=True):
    """Two sums and the sign between them, one of :data:`COMPARISONS`."""

    left: Sum
    sign: str
    right: Sum

    def names(self) -> tuple[str, ...]:
        """The quantities on both sides, each once."""
        return tuple(dict.fromkeys((*self.left.names(), *self.right.names())))

    def holds(self, left: Number, right: Number) -> bool:
        """Whether it is true of two values."""
        return COMPARISONS[self.sign](left, right)

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.left.text} {self.sign} {self.right.text}"


def sum_of(text: str) -> Sum:
    """Read a sum; ValueError says what is wrong as a clause that follows the quoted text."""
    tokens = _Tokens(text)
    found = Sum(text.strip(), tuple(_sum(tokens)))
    tokens.end()
    return found


def comparison(text: str) -> Comparison:
    """Read a comparison; ValueError as :func:`sum_of`."""
    signs = re.findall(r"[<>]=|[=<>]", text)
    if len(signs) != 1:
        raise ValueError(f"is not a comparison with one of {' '.join(COMPARISONS)}")
    left, _, right = text.partition(signs[0])
    return Comparison(sum_of(left), signs[0], sum_of(right))


class _Tokens:
    """The words of a text, one after the other."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ValueError(f"is longer than {LONGEST} characters")
        self._text = text
        self._at = 0

    def peek(self) -> re.Match[str] | None:
        if not self._text[self._at :].strip():
            return None
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise ValueError(f"cannot be read from {self._text[self._at :].strip()[:20]!r} on")
        return found

    def next(self) -> re.Match[str] | None:
        found = self.peek()
        if found:
            self._at = found.end()
        return found

    def take(self, signs: str) -> str:
        """The next word if it is one of these signs, else nothing."""
        found = self.peek()
        if found is None or not found["sign"] or found["sign"] not in signs.split():
            return ""
        return self.next()["sign"]  # type: ignore[index] # it was there a moment ago

    def end(self) -> None:
        if found := self.peek():
            raise ValueError(f"has {found[0].strip()!r} where an operator is wanted")


def _sum(tokens: _Tokens, depth: int = 0) -> Iterator[Number | str]:
    yield from _product(tokens, depth)
    while sign := tokens.take("+ -"):
        yield from _product(tokens, depth)
        yield sign


def _product(tokens: _Tokens, depth: int) -> Iterator[Number | str]:
    yield from _factor(tokens, depth)
    while sign := tokens.take("*"):
        yield from _factor(tokens, depth)
        yield sign


def _factor(tokens: _Tokens, depth: int) -> Iterator[Number | str]:
    if tokens.take("("):
        if depth > _DEEPEST:
            raise ValueError("has too many parentheses within each other")
        yield from _sum(tokens, depth + 1)
        if not tokens.take(")"):
            raise ValueError("lacks a closing parenthesis")
        return
    found = tokens.next()
    if found is None or found["sign"]:
        raise ValueError("lacks a quantity or a number")
    yield found["name"] or _number(found["number"], found["unit"])


_DEEPEST = 20


def _number(digits: str, unit: str) -> Number:
    if unit not in _UNITS:
        raise ValueError(f"has the unknown unit {unit!r}: {', '.join(filter(None, _UNITS))}")
    factor = _UNITS[unit]
    if float(digits) > MOST:
        raise ValueError(f"has a number beyond {MOST}")
    return int(digits) * factor if digits.isdecimal() else float(digits) * factor
