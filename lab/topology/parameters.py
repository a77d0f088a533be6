"""The parameters of a scenario: declared in YAML, given on the command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from lab import secret_values
from lab.errors import UsageError
from lab.topology import values
from lab.topology.document import Mapping
from lab.topology.problems import nearest, quote
from lab.topology.reader import span, whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from collections.abc import Mapping as Values

    from lab.topology.reader import Item, Section

TYPES = ("integer", "string", "address")
_KEYS = ("type", "default", "minimum", "maximum", "secret", "help")
_MOST_SHOWN = 20
_NAME = re.compile(r"[a-z][a-z0-9-]*")

MASK = "***"
"""What stands for a secret's value wherever values are: nobody but podman gets to know it."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter. A default of None means that it may be left unset.

    ``type`` is one of :data:`TYPES` (an address is IPv4); only integers have a range, whose
    ends are included and may be open (None). A ``secret`` has no default; it is ``required`` unless
    it may be left unset.
    """

    name: str
    type: str
    default: int | str | None = None
    minimum: int | None = None
    maximum: int | None = None
    secret: bool = False
    required: bool = False
    help: str = ""

    def parse(self, text: str) -> int | str:
        """A value from text; ValueError carries a clause such as "is not a whole number"."""
        if self.type == "integer":
            return whole(text, self.minimum, self.maximum)
        if self.type == "address" and (fault := values.address(text)):
            raise ValueError(fault)
        if not text.isprintable():
            raise ValueError("has characters that cannot be shown")
        return text

    @property
    def range(self) -> str:
        """The range of an integer in words, or nothing."""
        if self.minimum is None and self.maximum is None:
            return ""
        return span(self.minimum, self.maximum)


def read(name: str, item: Item) -> Parameter:
    """Read one declaration, noting its problems."""
    if not _NAME.fullmatch(name):
        item.problem("a parameter's name has small letters, digits and dashes")
    section = item.section(_KEYS, required=("type",))
    secret = section.boolean("secret", default=False)
    if not secret and isinstance(item.node, Mapping) and section.get("default") is None:
        item.problem("default is missing")
    kind = section.literal("type", "string")
    if kind and kind not in TYPES:
        item.problem(
            f"type {quote(kind)} is not one of {', '.join(TYPES)}{item.nearest(kind, TYPES)}"
        )
    ends = {key: found for key in ("minimum", "maximum") if (found := section.get(key))}
    if kind in TYPES and kind != "integer":
        for end in ends.values():
            end.problem("only integers have a range")
    if secret and kind in TYPES and kind != "string":
        item.problem("a secret is a string")
    limits = {key: end.converted(lambda text: whole(text, None, None)) for key, end in ends.items()}
    if len(limits) > 1 and limits["minimum"] > limits["maximum"]:
        item.problem("minimum is above maximum")
        limits = {}
    parameter = Parameter(
        name=name,
        type=kind,
        minimum=limits.get("minimum"),
        maximum=limits.get("maximum"),
        secret=secret,
        required=secret and section.get("default") is None,
        help=section.sentence("help"),
    )
    return _with_default(parameter, section) if kind in TYPES else parameter


def is_default(item: Item) -> bool:
    """Whether a declaration has a default and nothing else."""
    node = item.node
    return isinstance(node, Mapping) and [key.text for key, _ in node.pairs] == ["default"]


def redeclare(parameter: Parameter, item: Item) -> Parameter:
    """Give a parameter of an included file another default."""
    section = item.section(("default",))
    return _with_default(msgspec.structs.replace(parameter, default=None), section)


def _with_default(parameter: Parameter, section: Section) -> Parameter:
    default = section.get("default")
    if default is None or default.null:
        return parameter
    if parameter.secret:
        default.problem("a secret cannot stand in a scenario: null, if it may be left unset")
        return parameter
    text = default.literal()
    try:
        return msgspec.structs.replace(parameter, default=parameter.parse(text))
    except ValueError as error:
        default.problem(f"{quote(text)} {error}")
        return parameter


def defaults(parameters: Iterable[Parameter]) -> dict[str, int | str | None]:
    """Every parameter's default."""
    return {parameter.name: parameter.default for parameter in parameters}


def fill(
    parameters: Iterable[Parameter],
    given: Values[str, str | int],
    secrets: Collection[str] = (),
    *,
    scenario: str,
) -> dict[str, int | str | None]:
    """Every parameter's value: what was given, else its default; :data:`MASK` for a secret.

    ``secrets`` names those whose values are known from elsewhere. Raises UsageError for values
    out of range or of another type, for parameters that ``scenario`` does not have, and for the
    value of a secret in place of a file.
    """
    known = {parameter.name: parameter for parameter in parameters}
    filled = defaults(known.values())
    filled |= {
        p.name: MASK for p in known.values() if p.secret and (p.required or p.name in secrets)
    }
    faults: list[str] = []
    for name, value in given.items():
        if name not in known:
            near = nearest(name, known) if len(faults) < _MOST_SHOWN else ""
            faults.append(f"{scenario} has no parameter {quote(name)}{near}")
            continue
        if known[name].secret:
            filled[name] = MASK
            if not str(value).startswith(secret_values.MARK):
                raise UsageError(
                    f"{name} is secret, and other users can read the arguments of a command",
                    hint=secret_values.hint(name),
                )
            continue
        try:
            filled[name] = known[name].parse(str(value))
        except ValueError as error:
            faults.append(f"{name} {quote(value)} {error}")
    if not faults:
        return filled
    hint = f"{scenario} takes {', '.join(known)}." if known else f"{scenario} takes none."
    if len(faults) == 1:
        raise UsageError(faults[0], hint=hint)
    shown = faults[:_MOST_SHOWN]
    if len(faults) > _MOST_SHOWN:
        shown.append(f"... and {len(faults) - _MOST_SHOWN} more")
    raise UsageError(f"{len(faults)} parameters are wrong", details=tuple(shown), hint=hint)
