"""Records of runs: a directory each, written once, read ever after.

A record holds everything that a table, a chart, a comparison or a replay needs: judging and
drawing never measure again. Its directory appears whole or not at all, because it is written
under another name first; records from before are never touched.
"""

from __future__ import annotations

import os
import re
import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from lab import files as lab_files
from lab import xdg
from lab.errors import LabError, UsageError
from lab.measure.numbers import Count
from lab.measure.traffic.load import Load
from lab.metrics.ledger import Ledger
from lab.metrics.scrape import Snapshot
from lab.spec.claims import ClaimResult
from lab.topology.problems import quote
from lab.topology.spec import LabSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION = 1
"""The format's version; a reader refuses any other."""
FILE = "record.json"
VERDICTS = "verdicts.json"
"""Where the verdicts on a run are: a record itself never changes once it was written."""
MOST_BYTES = 32 * lab_files.MIB
"""A record's size, and that of all files beside it: 200 million requests fit."""
MOST_FILES = 100
"""How many files a record may have beside it."""

_PARTIAL = ".partial-"
_MODE = 0o700
NEWEST = 10
"""How many of the runs that a part of an id could mean are listed."""
_ID = r"\w[\w-]{0,79}"
_BESIDE = r"\w[\w.-]{0,200}\.(?:yaml|yml|json)"
"""Names of the files that a run leaves beside its record; whatever else is there is not read."""
_MOST_SAID = 300
_EPOCH, _LAST_YEAR = 1970, 9999
_READABLE = "check its permissions, or set XDG_STATE_HOME to another place"


class RecordError(LabError):
    """A record is missing, damaged, of another version, or cannot be written."""


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run took place: the machine, and the versions of what ran."""

    machine: str
    kernel: str
    processors: Count
    memory: Count
    """Bytes."""
    python: str
    lab: str
    podman: str


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image that ran, by the id that podman gave it, with the labels that say its versions."""

    reference: str
    id: str
    digest: str
    labels: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The reference without its tag."""
        path, _, last = self.reference.rpartition("/")
        return f"{path}/{last.partition(':')[0]}".lstrip("/")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One run: what was asked, on what, and everything that was counted.

    ``experiment`` names the sweep or comparison that a run was part of (:attr:`experiment_id`),
    and behind a slash which part of it. ``containers`` maps names to podman's ids: a container
    with another id is another run's. ``skipped`` is how many answers the last hop had given before
    the run began, which a replay has to repeat first when it is seeded. ``listening`` has the
    ports that were open beyond loopback, by the pods that claims ask about; None where they could
    not be listed.
    """

    version: int = VERSION
    id: str
    began: Annotated[datetime, msgspec.Meta(tz=True)]
    kind: str
    experiment: str = ""
    spec: LabSpec
    containers: dict[str, str]
    images: tuple[Image, ...]
    host: Host
    load: Load
    before: Snapshot
    after: Snapshot
    ledger: Ledger
    skipped: Count | None = None
    listening: dict[str, tuple[int, ...] | None] = {}

    @property
    def experiment_id(self) -> str:
        """The id of the sweep or comparison that the run is a part of, "" when it is of none."""
        return self.experiment.partition("/")[0]

    @property
    def lab(self) -> str:
        """The lab that the run belongs to: of a throw-away lab, the one that it stands for."""
        return self.spec.throwaway or self.spec.name

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a time that not every zone can show: a damaged record's."""
        if not _EPOCH <= self.began.year < _LAST_YEAR:
            raise ValueError(f"it began in the year {self.began.year}")


def directory() -> Path:
    """Where records are: ``lab/runs`` in the user's state directory (XDG base directories).

    Only the user can look into it, whatever the umask says, as into every record.
    """
    return xdg.home("STATE_HOME") / "lab" / "runs"


def save(record: Record, files: Mapping[str, str]) -> Path:
    """Write a record, and beside it other ``files`` by name, such as rendered configurations.

    Raises :class:`RecordError` when it cannot be written whole; nothing of it is left then.
    """
    final = directory() / record.id
    partial = directory() / f"{_PARTIAL}{record.id}"
    try:
        for each in (directory().parent, directory()):
            each.mkdir(parents=True, exist_ok=True)
            _keep_private(each)
        partial.mkdir()
        _keep_private(partial)
        for name, text in files.items():
            _write(partial / name, text.encode())
        _write(partial / FILE, msgspec.json.format(msgspec.json.encode(record), indent=1))
        partial.rename(final)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise RecordError(
            f"the run could not be recorded in {final}: {error.strerror}",
            hint="make room, or set XDG_STATE_HOME to another place",
        ) from error
    return final


def save_verdicts(record_id: str, results: tuple[ClaimResult, ...]) -> None:
    """Write the verdicts on a run beside its record; those from before are whole until then."""
    path = directory() / record_id / VERDICTS
    partial = path.with_name(f"{_PARTIAL}{VERDICTS}")
    try:
        _write(partial, msgspec.json.format(msgspec.json.encode(results), indent=1))
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RecordError(
            f"{path} could not be written: {error.strerror}", hint="what it said before is whole"
        ) from error


def verdicts(record_id: str) -> tuple[ClaimResult, ...] | None:
    """The verdicts beside a record; None when there are none that can be read."""
    path = directory() / record_id / VERDICTS
    try:
        data = lab_files.read(path, MOST_BYTES, below=directory())
        return msgspec.json.decode(data, type=tuple[ClaimResult, ...])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def ids() -> tuple[str, ...]:
    """The ids of all records, oldest first: they begin with the time.

    Raises :class:`RecordError` when that cannot be found out.
    """
    try:
        # Links and pipes too, and under any name: what is wrong with them is said on reading.
        found = [path.name for path in directory().iterdir() if os.path.lexists(path / FILE)]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise RecordError(
            f"cannot look into {directory()}: {error.strerror}", hint=_READABLE
        ) from error
    return tuple(sorted(name for name in found if not name.startswith(_PARTIAL)))


def find(text: str) -> str:
    """The id that ``text`` stands for: the whole, a part that only one has, or ``latest``.

    Raises :class:`lab.errors.UsageError` when there is none, or more than one.
    """
    known = ids()
    if text == "latest" and known:
        return known[-1]
    matching = [known_id for known_id in known if text in known_id]
    if text in matching or len(matching) == 1:
        return text if text in matching else matching[0]
    if matching:
        raise UsageError(
            f"{text!r} matches {len(matching)} runs",
            hint="give more of the id; "
            + (f"these are the newest {NEWEST}" if len(matching) > NEWEST else "these match"),
            details=tuple(reversed(matching[-NEWEST:])),
        )
    hint = "`lab runs` lists them" if known else "`lab load` makes one"
    raise UsageError(f"there is no run {text!r}", hint=hint)


def read(record_id: str) -> Record:
    """Read a record, which may be a stranger's.

    Raises :class:`RecordError` for a damaged one, one of another version, and one that would
    lead out of its directory: by a link, or by an id that is not the directory's name.
    """
    path = directory() / record_id / FILE
    if not re.fullmatch(_ID, record_id):
        raise RecordError(f"{path.parent.name!r} cannot be the id of a run", hint="rename it")
    try:
        data = lab_files.read(path, MOST_BYTES, below=directory())
        version = msgspec.json.decode(data, type=_Version).version
        if version == VERSION:
            record = msgspec.json.decode(data, type=Record)
            if record.id == record_id:
                return record
            raise RecordError(
                f"{path} is the record of another run, {quote(record.id)}",
                hint="a record's directory has the name of its run",
            )
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}", hint=_READABLE) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(
            f"{path} is damaged: {str(error)[:_MOST_SAID]}",
            hint="remove its directory; other runs are intact",
        ) from error
    raise RecordError(
        f"{path} has version {version}, and this lab reads version {VERSION}",
        hint="read it with the lab that wrote it",
    )


def files(record_id: str) -> dict[str, str]:
    """The texts beside a record, by file name. Raises :class:`RecordError` for unreadable ones."""
    place = directory() / record_id
    found: dict[str, str] = {}
    left = MOST_BYTES
    try:
        names = [path.name for path in place.iterdir() if path.name not in {FILE, VERDICTS}]
        known = sorted(name for name in names if re.fullmatch(_BESIDE, name))
        if len(known) > MOST_FILES:
            raise RecordError(f"there are more than {MOST_FILES} files beside {place / FILE}")
        for name in known:
            data = lab_files.read(place / name, left, below=directory())
            left -= len(data)
            found[name] = data.decode()
    except OSError as error:
        raise RecordError(
            f"{error.filename} cannot be read: {error.strerror}", hint=_READABLE
        ) from error
    except UnicodeDecodeError as error:
        raise RecordError(f"the files beside {place / FILE} cannot be read: {error}") from error
    return found


class _Version(msgspec.Struct):
    """As much of a record as tells whether the rest can be read."""

    version: int


def _write(path: Path, data: bytes) -> None:
    """Write a file that nobody else can read, never through a link that a record brought along."""
    path.unlink(missing_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _keep_private(path: Path) -> None:
    """Shut others out of a directory, also of one that an earlier lab has made."""
    if path.stat().st_mode & 0o777 != _MODE:
        path.chmod(_MODE)
