"""Where traffic goes: a URL, and the bytes of the request for it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from lab import __version__
from lab.errors import UsageError

HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class Target:
    """A server's address, and the whole GET request, encoded once for all."""

    host: str
    port: int
    request: bytes


def parse(url: str) -> Target:
    """Read an ``http://`` URL; a fragment is left out, as a browser would.

    Raises:
        UsageError: not such a URL, or one with characters that have to be percent-encoded.
    """
    wrong = f"--url {url!r}"
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{wrong}: percent-encode everything but printable ASCII")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")  # as looking it up will
    except ValueError as error:
        raise UsageError(f"{wrong}: {error}") from error
    if parts.scheme != "http" or not host or parts.username is not None:
        raise UsageError(f"{wrong}: http://HOST[:PORT][/PATH] is wanted", hint="no TLS, no user")
    # Not urlunsplit: newer Pythons double the slashes of a path that begins with two.
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = (
        f"GET {path} HTTP/1.1\r\n"
        f"Host: {parts.netloc}\r\n"
        f"User-Agent: lab/{__version__}\r\n"
        "Accept: */*\r\n"
        "\r\n"
    )
    return Target(host, HTTP_PORT if port is None else port, request.encode())
