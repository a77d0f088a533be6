"""Settings from environment variables: checked all at once, reported in one sentence."""

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from yarl import URL

T = TypeVar("T")
D = TypeVar("D")

_MAX_DIGITS = 20


class SettingsError(ValueError):
    """Some variables are missing or have values outside what is allowed; says which."""


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What a variable may hold.

    Attributes:
        allowed: The values, in words that complete "must be ...".
        parse: Turns the text into a value; raises ValueError for any other text.
    """

    allowed: str
    parse: Callable[[str], T]


def whole_number(low: int, high: int) -> Kind[int]:
    """Decimal digits only, for a value from low to high."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
            raise ValueError(text)
        if not low <= (number := int(text)) <= high:
            raise ValueError(text)
        return number

    return Kind(f"a whole number from {low} to {high}", parse)


def seconds(high: float) -> Kind[float]:
    """A time in seconds, above zero."""

    def parse(text: str) -> float:
        if not 0 < (number := float(text)) <= high:
            raise ValueError(text)
        return number

    return Kind(f"a number of seconds above 0 and up to {high:g}", parse)


def _http_url(text: str) -> URL:
    url = URL(text)
    has_server = url.scheme == "http" and url.host and url.port
    # A password would show up in the logs.
    if not has_server or url.raw_user is not None or any(c.isspace() for c in text):
        raise ValueError(text)
    return url


def _ip_address(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _name(text: str) -> str:
    if not (text.isascii() and text.isidentifier()):
        raise ValueError(text)
    return text


HTTP_URL = Kind("a URL such as http://b.service:80", _http_url)
IP_ADDRESS = Kind("an IP address", _ip_address)
NAME = Kind("a name of letters, digits and _", _name)
# Port 0 lets the system choose a free one, which the start line of the log names.
PORT = whole_number(0, 65535)


class Environment:
    """Reads variables one by one and remembers every problem.

    An empty variable counts as one that is not set. After the last variable comes `check`.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Read from the given variables, usually os.environ."""
        self._variables = variables
        self._problems: list[str] = []

    def read(self, name: str, kind: Kind[T], default: D) -> T | D:
        """Return the variable's value, or the default where it is not set."""
        text = self._variables.get(name, "")
        if not text:
            return default
        try:
            return kind.parse(text)
        except ValueError:
            self._problems.append(f"{name} must be {kind.allowed}, not {json.dumps(text)}")
            return default

    def require(self, name: str, kind: Kind[T]) -> T:
        """Return the value of a variable that has no default."""
        if not self._variables.get(name):
            self._problems.append(f"{name} must be {kind.allowed}, but it is not set")
        # The default stands for a problem, and then `check` lets nobody see it.
        return self.read(name, kind, default=cast("T", None))

    def check(self) -> None:
        """Raise SettingsError if any variable read so far was missing or bad."""
        if self._problems:
            raise SettingsError("; ".join(self._problems))
