"""Finding podman's service, or starting one; `podman` itself is a small script on PATH."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.engine import host, runtime, service
from lab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = """#!{python}
import os, signal, socket, sys
from urllib.parse import unquote
if sys.argv[1:] == ["--version"]:
    print("podman version {version}")
    sys.exit({status})
with open("{calls}", "a") as calls:
    given = [f"{{k}}={{v}}" for k, v in os.environ.items() if k.startswith("CONTAINERS_")]
    print(*sys.argv[1:], *given, file=calls)
if "{trouble}":
    sys.exit("{trouble}")
path = unquote(sys.argv[-1].removeprefix("unix://"))
def end(*_):
    os.unlink(path)
    sys.exit()
signal.signal(signal.SIGTERM, end)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
while True:
    server.accept()[0].close()
"""


class Machine:
    """A machine with a podman of our own, and no other."""

    def __init__(self, directory: Path) -> None:
        """Everything is kept below a directory."""
        self.path = directory / "bin"
        self.runtime = directory / "run"
        self.calls = directory / "calls"
        self.path.mkdir()
        self.runtime.mkdir()
        self.calls.touch()
        self.services: list[subprocess.Popen[bytes]] = []

    def install(self, version: str = "4.3.1", *, status: int = 0, trouble: str = "") -> None:
        script = self.path / "podman"
        script.write_text(
            SCRIPT.format(
                python=sys.executable,
                version=version,
                status=status,
                calls=self.calls,
                trouble=trouble,
            )
        )
        script.chmod(0o755)

    def wait(self) -> None:
        """Wait until every service that was started has ended."""
        for process in self.services:
            process.wait(service.END_SECONDS)

    @property
    def started(self) -> list[str]:
        """The services that were started: command lines, and variables that name settings."""
        return self.calls.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(machine.path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(machine.runtime))
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    for variable in ("CONTAINERS_CONF", "CONTAINERS_CONF_OVERRIDE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(service, "users_socket", lambda: tmp_path / "users.sock")
    monkeypatch.setattr(host, "overrides", lambda _: {})
    popen = subprocess.Popen

    def remember(*args: object, **kwargs: object) -> subprocess.Popen[bytes]:
        machine.services.append(popen(*args, **kwargs))  # type: ignore[call-overload]
        return machine.services[-1]

    monkeypatch.setattr("subprocess.Popen", remember)
    yield machine
    for process in machine.services:
        process.terminate()
        process.wait()


def private(machine: Machine) -> service.Service:
    del machine
    return service.Service(service.files().url, "a podman service of lab's own", private=True)


def test_a_url_that_is_given_wins(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINER_HOST", "unix:///env.sock")
    assert service.find("unix:///x.sock") == service.Service("unix:///x.sock", "--url")
    assert machine.started == []


def test_then_container_host(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTAINER_HOST", "unix:///env.sock")
    assert service.find() == service.Service("unix:///env.sock", "CONTAINER_HOST")
    assert machine.started == []


def test_then_the_user_s_socket_when_it_answers(machine: Machine) -> None:
    with socket.socket(socket.AF_UNIX) as users:
        users.bind(str(service.users_socket()))
        users.listen()
        found = service.find()
    assert found.url == f"unix://{service.users_socket()}"
    assert machine.started == []


def test_then_a_service_of_lab_s_own_is_started(machine: Machine) -> None:
    machine.install()
    assert service.find() == private(machine)
    assert len(machine.started) == 1
    assert f"system service --time=120 unix://{machine.runtime}/lab/" in machine.started[0]


def test_a_user_s_socket_that_nobody_listens_on_is_passed_over(machine: Machine) -> None:
    machine.install()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(service.users_socket()))
    assert service.find() == private(machine)


def test_a_service_that_runs_is_used_again(machine: Machine) -> None:
    machine.install()
    service.find()
    service.find()
    assert len(machine.started) == 1


def test_a_socket_whose_service_was_killed_is_replaced(machine: Machine) -> None:
    machine.install()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(service.files().socket))
    assert service.find() == private(machine)
    assert service.answers(service.files().socket)


def test_two_commands_at_the_same_time_start_one_service(machine: Machine) -> None:
    machine.install()
    threads = [threading.Thread(target=service.find) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(machine.started) == 1


def test_a_service_that_ends_at_once_is_told_with_its_last_words(machine: Machine) -> None:
    machine.install(trouble="cannot do that")
    with pytest.raises(EngineError, match=r"^`podman system service` ended at once$") as caught:
        service.find()
    assert caught.value.details == ("cannot do that",)
    assert caught.value.hint == "lab works once `podman info` does"


def test_a_directory_without_room_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.install()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(service, "_environment", full)
    with pytest.raises(EngineError, match="No space left on device") as caught:
        service.find()
    assert str(machine.runtime) in caught.value.hint


def test_without_podman_it_is_said_how_to_install_it(machine: Machine) -> None:
    with pytest.raises(EngineError, match=r"^podman is not installed$") as caught:
        service.find()
    assert "apt install podman" in caught.value.hint
    assert machine.started == []


def test_a_podman_that_is_too_old_is_refused_before_it_is_started(machine: Machine) -> None:
    machine.install("3.4.4")
    with pytest.raises(EngineError, match=r"^podman 3\.4\.4 is too old: lab needs 4\.3 or newer$"):
        service.find()
    assert machine.started == []


def test_a_podman_that_does_not_work_is_told(machine: Machine) -> None:
    machine.install(status=125)
    with pytest.raises(EngineError, match="podman does not work: it said nothing"):
        service.version()


@pytest.mark.parametrize(
    ("version", "variable"),
    [("4.3.1", "CONTAINERS_CONF"), ("4.5.0", "CONTAINERS_CONF_OVERRIDE")],
)
def test_settings_that_the_host_needs_reach_the_service(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, version: str, variable: str
) -> None:
    machine.install(version)
    monkeypatch.setattr(host, "required", lambda *_: {"engine": {"runtime": "runc"}})
    monkeypatch.setattr(runtime, "configuration_files", list)
    service.find()
    configuration = service.files().configuration
    assert configuration.read_text() == '[engine]\nruntime = "runc"\n'
    assert machine.started[0].endswith(f" {variable}={configuration}")


def files(machine: Machine) -> set[str]:
    return {path.name for path in (machine.runtime / "lab").iterdir()}


def test_a_private_service_is_ended_with_everything_that_belongs_to_it(machine: Machine) -> None:
    machine.install()
    service.find()
    service.stop_private()
    assert not service.answers(service.files().socket)
    assert files(machine) == set()


def test_a_service_whose_socket_is_gone_is_ended_as_well(machine: Machine) -> None:
    machine.install()
    service.find()
    service.files().socket.unlink()
    service.find()
    assert len(machine.started) == 2
    service.stop_private()
    machine.wait()


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("root", "ended"), [("/", True), ("another root", False)])
def test_only_a_service_to_which_the_path_means_the_same_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, *, ended: bool
) -> None:
    path = service.files().socket
    (tmp_path / root / path.parent.relative_to("/")).mkdir(parents=True, exist_ok=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        entry = tmp_path / "proc" / str(process.pid)
        entry.mkdir(parents=True)
        words = ("podman", "system", "service", f"unix://{path}")
        (entry / "cmdline").write_bytes(b"".join(f"{word}\0".encode() for word in words))
        (entry / "root").symlink_to(tmp_path / root)
        monkeypatch.setattr(service, "PROCESSES", tmp_path / "proc")
        monkeypatch.setattr(service, "END_SECONDS", 0.1)  # nothing takes it off this table
        service.stop_private()
        process.kill()
    assert process.returncode == (-signal.SIGTERM if ended else -signal.SIGKILL)


def test_a_process_ends_without_a_word_about_the_service_that_outlives_it(machine: Machine) -> None:
    machine.install()
    program = "from lab.engine import service; service.find()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert service.answers(service.files().socket)
    service.stop_private()


def test_a_service_that_ends_is_reaped(machine: Machine) -> None:
    machine.install()
    before = set(threading.enumerate())
    service.find()
    (waiter,) = set(threading.enumerate()) - before
    service.stop_private()
    waiter.join(service.END_SECONDS)
    assert machine.services[0].returncode == 0


USER = "from lab.engine import service; service.find(); print(flush=True); input()"


def test_a_service_that_another_process_uses_goes_on(machine: Machine) -> None:
    machine.install()
    service.find()
    with subprocess.Popen(
        [sys.executable, "-c", USER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as user:
        assert user.stdout is not None
        user.stdout.readline()
        service.stop_private()
        assert service.answers(service.files().socket)
        user.kill()
    service.stop_private()
    assert files(machine) == set()


def test_ending_a_service_that_never_was_does_nothing(machine: Machine) -> None:
    service.stop_private()
    assert machine.started == []


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "no_proxy", "CONTAINERS_REGISTRIES_CONF"])
def test_a_service_that_was_started_with_other_variables_is_not_used(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    machine.install()
    monkeypatch.delenv(variable, raising=False)
    first = service.find()
    monkeypatch.setenv(variable, "/other")
    second = service.find()
    assert first.url != second.url
    assert len(machine.started) == 2
    monkeypatch.delenv(variable)
    assert service.find() == first
    assert len(machine.started) == 2


def test_a_service_that_was_started_with_other_settings_is_not_used(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.install()
    settings = tmp_path / "registries.conf"
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(settings))
    urls = [service.find().url]
    settings.write_text("short-name-mode = 'disabled'\n")
    urls.append(service.find().url)
    settings.write_text("short-name-mode = 'permissive'\n")
    urls.append(service.find().url)
    assert len({*urls}) == 3


def test_what_podman_does_not_read_starts_no_other_service(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.install()
    service.find()
    for variable in ("TERM", "XDG_SESSION_ID", "XDG_STATE_HOME", "PWD", "SHLVL"):
        monkeypatch.setenv(variable, "other")
    service.find()
    assert len(machine.started) == 1


@pytest.mark.parametrize("name", ["a b", "100%", "a%20b", "what?", "x#y", "é", "a\nb", '"'])
def test_a_runtime_directory_of_any_characters_is_used(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    machine.install()
    with tempfile.TemporaryDirectory(prefix="lab-") as short:
        place = Path(short) / name
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
        found = service.find()
        assert service.files().socket.parent == place / "lab"
        assert service.answers(service.files().socket)
        assert found.private
        service.stop_private()
        machine.wait()


def test_broken_settings_are_not_a_podman_that_is_not_installed(machine: Machine) -> None:
    said = 'time=\\"now\\" level=error msg=\\"decode configuration /etc/x.conf: toml: line 2\\"'
    machine.install(status=1)
    script = machine.path / "podman"
    text = script.read_text().replace("    sys.exit(1)", f'    sys.exit("{said}")')
    script.write_text(text.replace('    print("podman version', '    0 and print("podman version'))
    with pytest.raises(EngineError) as caught:
        service.version()
    assert caught.value.message == (
        "podman does not work: decode configuration /etc/x.conf: toml: line 2"
    )
    assert caught.value.hint.startswith("correct the settings that podman names")


@pytest.mark.parametrize(
    ("program", "peer", "local"),
    [("podman", 7, True), ("systemd", 7, True), ("ssh", 7, False), ("gvproxy", 7, False),
     ("podman", 8, False), ("podman", 9, False), ("podman", 0, False)],
)  # fmt: skip
def test_only_a_service_in_this_machine_s_network_is_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, peer: int, *, local: bool
) -> None:
    """Process 8 is in another network, and there is no 9: it may be in another container."""
    for number in ("self", "7", "8"):
        (tmp_path / number / "ns").mkdir(parents=True)
        (tmp_path / number / "comm").write_text(f"{program}\n")
    (tmp_path / "self" / "ns" / "net").touch()
    (tmp_path / "7" / "ns" / "net").hardlink_to(tmp_path / "self" / "ns" / "net")
    (tmp_path / "8" / "ns" / "net").touch()
    monkeypatch.setattr(service, "PROCESSES", tmp_path)
    assert service.is_local(service.Service("unix:///x", "a test"), peer) is local


def test_of_a_service_that_ended_only_its_settings_stay(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.install()
    program = "from lab.engine import service; service.find(); print(service.files().socket.stem)"
    monkeypatch.setenv("HTTPS_PROXY", "/other")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    stem = done.stdout.strip()
    program = "from lab.engine import service; service._end(service.files())"
    subprocess.run([sys.executable, "-c", program], check=True)
    monkeypatch.delenv("HTTPS_PROXY")
    service.find()
    assert {name for name in files(machine) if name.startswith(stem)} == {f"{stem}.conf"}
