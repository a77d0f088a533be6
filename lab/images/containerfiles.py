"""Containerfiles, read strictly: what could reach beyond its build is refused with its line.

A build runs with the rights of podman's service, often root's, and podman's own parser follows
mounts, URLs and images wherever a Containerfile points. So lab reads the file itself, knows
every instruction and flag that it lets through, and hands podman what it has read: one
instruction a line, without comments, continuations or quotes that two parsers could read in two
ways.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from lab.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BASE = "${BASE}"
"""How a Containerfile names the image that it stands on."""
RESERVED = "lab."
"""How the labels that only lab sets begin."""
MAX_LINE = 32 * 1024
"""Bytes of an instruction; older podmans end reading at a line of 64 KiB, without a word."""

_DIRECTIVE = re.compile(r"#\s*(check|escape|platform|syntax)\s*=", re.IGNORECASE)
_CONTINUED = re.compile(r"\\[ \t]*$")
_STAGE = re.compile(r"[a-z][a-z0-9_.-]*")
_ARGUMENT = re.compile(r"[A-Za-z_]\w*(=.*)?", re.ASCII)
_LABEL = re.compile(r'("?)([A-Za-z0-9][A-Za-z0-9._/-]*)\1')
_WORD = re.compile(r"""(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'\\])+""")
_COPIED = re.compile(r"[\w ./*?@+=,%~${}\[\]-]+")
_ADDED = re.compile(r"[\w ./*?@+=,%~\[\]-]+")
_OWNER = r"--chown=[\w.-]+(:[\w.-]+)?"
_MODE = r"--chmod=[0-7]{3,4}"
_FROM = "--from="
_FLAGS = {
    "ADD": re.compile(f"{_OWNER}|{_MODE}"),
    "COPY": re.compile(rf"{_OWNER}|{_MODE}|{_FROM}[\w.-]+"),
    "HEALTHCHECK": re.compile(
        r"--(interval|timeout|start-period|start-interval)=[\w.]+|--retries=\d+"
    ),
}

_REFUSED = {
    "ONBUILD": "ONBUILD acts in other builds",
    "VOLUME": "VOLUME lets podman mount the host's directories: mount the lab's volumes instead",
}


class _RefusedError(Exception):
    """What is wrong with an instruction, as a clause."""


def normalized(content: bytes, name: str) -> bytes:
    """Return a Containerfile as podman gets it; ``name`` is the file's in errors.

    Raises ``UsageError`` with every instruction that is refused, by its line.
    """
    lines: list[str] = []
    faults: list[str] = []
    stages: list[str] = []
    try:
        for number, line in _instructions(content.decode()):
            try:
                lines.append(_instruction(line, stages))
            except _RefusedError as fault:
                faults.append(f"line {number}: {fault}")
        if not stages and not faults:
            faults.append(f"line 1: there is no FROM {BASE}")
    except UnicodeDecodeError:
        faults.append("line 1: it is not UTF-8")
    if faults:
        raise UsageError(
            f"{name} cannot be used",
            hint="a build starts from ${BASE} and reaches nothing beyond its context",
            details=tuple(faults),
        )
    return "".join(f"{line}\n" for line in lines).encode()


def based_on(content: bytes, reference: str) -> bytes:
    """Return a normalized Containerfile that names the image it stands on."""
    opening = re.compile(rf"^FROM {re.escape(BASE)}", re.MULTILINE)
    return opening.sub(lambda _: f"FROM {reference}", content.decode()).encode()


def runs(content: bytes) -> bool:
    """Whether a normalized Containerfile runs anything."""
    return any(line.startswith(b"RUN ") for line in content.splitlines())


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Join continued lines; give each instruction with the number of its first line."""
    first, joined, begun = 0, "", False
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r")
        bare = line.strip(" \t")
        if not bare or bare.startswith("#"):
            if not begun and _DIRECTIVE.match(bare):
                yield number, bare
            continue  # also between continued lines
        first = first or number
        begun = True
        joined += line if joined else bare
        if _CONTINUED.search(joined):
            joined = _CONTINUED.sub("", joined) or " "
        else:
            yield first, joined.strip(" \t")
            first, joined = 0, ""
    if joined.strip(" \t"):
        yield first, joined.strip(" \t")


def _instruction(line: str, stages: list[str]) -> str:
    """Return an instruction as podman gets it; ``stages`` grows with every FROM."""
    if line.startswith("#"):
        raise _RefusedError("a parser directive changes how the file is read")
    if any(not (character.isprintable() or character == "\t") for character in line):
        raise _RefusedError("it has characters that cannot be printed")
    if len(line.encode()) > MAX_LINE:
        raise _RefusedError(f"it is longer than {MAX_LINE >> 10} KiB")
    if line.endswith("\\"):
        raise _RefusedError("it ends in a backslash")
    written = line.split(None, 1)
    keyword, rest = written[0].upper(), written[1] if len(written) > 1 else ""
    if keyword in _REFUSED:
        raise _RefusedError(_REFUSED[keyword])
    if keyword not in _READERS:
        known = ", ".join(sorted(_READERS))
        raise _RefusedError(f"{keyword[:20]} is not one of {known}")
    if not stages and keyword not in {"ARG", "FROM"}:
        raise _RefusedError(f"{keyword} comes before FROM")
    flags, rest = _flags(keyword, rest, stages)
    if not rest:
        raise _RefusedError(f"{keyword} is empty")
    return " ".join((keyword, *flags, _READERS[keyword](keyword, rest, stages)))


def _flags(keyword: str, rest: str, stages: list[str]) -> tuple[list[str], str]:
    flags: list[str] = []
    while rest.startswith("--"):
        flag, *after = rest.split(None, 1)
        allowed = _FLAGS.get(keyword)
        if allowed is None or not allowed.fullmatch(flag):
            raise _RefusedError(
                f"{keyword} {flag[:40].partition('=')[0]} may reach beyond the build"
            )
        source = flag.removeprefix(_FROM)
        if source != flag and not _earlier(source, stages[:-1]):
            raise _RefusedError(f"COPY {flag[:40]} is no earlier stage")
        flags.append(flag)
        rest = after[0].strip() if after else ""
    return flags, rest


def _earlier(name: str, stages: list[str]) -> bool:
    return name in stages or (name.isdecimal() and name.isascii() and int(name) < len(stages))


def _from(_keyword: str, rest: str, stages: list[str]) -> str:
    image, *words = rest.split()
    if image in {"$BASE", BASE}:
        image = BASE
    else:
        raise _RefusedError(f"FROM {image[:40]} is not {BASE}")
    named = len(words) == 2 and words[0].upper() == "AS"  # noqa: PLR2004 - AS NAME
    if words and not named:
        raise _RefusedError("FROM takes an image, and AS with a name")
    name = words[1] if named else ""
    if named and (not _STAGE.fullmatch(name) or name in stages):
        raise _RefusedError(f"{name[:40]} cannot name a stage: use small letters, once for each")
    stages.append(name)
    return f"{image} AS {name}" if named else image


def _copied(keyword: str, rest: str, _stages: list[str]) -> str:
    """Files of the context, or of an earlier stage: no URL, and no text in their place."""
    listed = _list(keyword, rest)
    words = listed or rest.split()
    if len(words) < 2:  # noqa: PLR2004 - from where and whereto
        raise _RefusedError(f"{keyword} needs a source and a destination")
    sources = _ADDED if keyword == "ADD" else _COPIED
    for word in words[:-1]:
        if not sources.fullmatch(word):
            raise _RefusedError(f"{keyword} {word[:40]} is no plain path of the context")
    if "<<" in words[-1]:
        raise _RefusedError(f"{keyword} has a here-document")
    return json.dumps(words) if listed else " ".join(words)


def _command(keyword: str, rest: str, _stages: list[str]) -> str:
    if words := _list(keyword, rest):
        return json.dumps(words)
    if keyword == "SHELL":
        raise _RefusedError("SHELL takes a JSON list")
    if keyword == "RUN" and "<<" in rest:
        raise _RefusedError(
            "RUN has a here-document, or `<<`: put the script into a file of the context"
        )
    return rest


def _list(keyword: str, rest: str) -> list[str]:
    """Return the words of a JSON list; nothing when it is written otherwise."""
    if not rest.startswith("["):
        return []
    try:
        words = json.loads(rest)
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise _RefusedError(f"{keyword} begins with [ and is no JSON list of texts")
    return words


def _healthcheck(keyword: str, rest: str, stages: list[str]) -> str:
    kind, *command = rest.split(None, 1)
    if kind.upper() == "NONE" and not command:
        return "NONE"
    if kind.upper() == "CMD" and command:
        return f"CMD {_command(keyword, command[0].strip(), stages)}"
    raise _RefusedError("HEALTHCHECK takes NONE, or CMD with a command")


def _argument(_keyword: str, rest: str, _stages: list[str]) -> str:
    if not _ARGUMENT.fullmatch(rest):
        raise _RefusedError(f"ARG {rest[:40]} is not NAME or NAME=VALUE")
    return rest


def _label(_keyword: str, rest: str, _stages: list[str]) -> str:
    words = _WORD.findall(rest)
    if not words or _WORD.sub("", rest).strip():
        raise _RefusedError("LABEL has a quote that does not end")
    for key in [word.partition("=")[0] for word in words] if "=" in words[0] else words[:1]:
        found = _LABEL.fullmatch(key)
        if not found:
            raise _RefusedError(f"LABEL {key[:40]} is no plain name")
        if found[2].lower().startswith(RESERVED):
            raise _RefusedError(
                f"LABEL {key[:40]}: labels that begin with {RESERVED} are lab's own"
            )
    return rest


def _text(_keyword: str, rest: str, _stages: list[str]) -> str:
    return rest


_READERS: dict[str, Callable[[str, str, list[str]], str]] = {
    "ADD": _copied,
    "ARG": _argument,
    "CMD": _command,
    "COPY": _copied,
    "ENTRYPOINT": _command,
    "ENV": _text,
    "EXPOSE": _text,
    "FROM": _from,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "MAINTAINER": _text,
    "RUN": _command,
    "SHELL": _command,
    "STOPSIGNAL": _text,
    "USER": _text,
    "WORKDIR": _text,
}
