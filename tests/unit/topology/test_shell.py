"""``lab show``: the shell commands are right and survive any text in the spec.

golden/NAME.sh holds the commands of a shipped scenario. Podman 4.3.1 has taken those of sidecar,
under another lab name and with one stand-in image in place of the four builds.
"""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.topology import scenario, shell
from lab.topology.place import place
from lab.topology.spec import ContainerSpec, ImageSpec, LabSpec, NetworkSpec, PodSpec

GOLDEN = Path(__file__).parent / "golden"

argument = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def commands(spec: LabSpec) -> list[list[str]]:
    """The words of each command as a shell sees them."""
    words = shlex.split(shell.render(spec), comments=True)
    starts = [i for i, word in enumerate(words) if word == "podman"] + [len(words)]
    return [words[a:b] for a, b in pairwise(starts)]


def one_container(container: ContainerSpec, *images: ImageSpec) -> LabSpec:
    pod = PodSpec(name="p", containers=(container,))
    return LabSpec(
        name="lab", scenario="s", network=NetworkSpec(name="n"), images=images, pods=(pod,)
    )


@pytest.mark.parametrize("name", ["direct", "haproxy", "scale", "sidecar"])
def test_a_shipped_scenario_gives_the_golden_commands(name: str) -> None:
    spec = place(scenario.load(name, given={}), current="10.64.1.0/24", in_use=())
    assert shell.render(spec) + "\n" == (GOLDEN / f"{name}.sh").read_text()


@given(st.lists(argument, min_size=1), argument)
def test_any_text_reaches_podman_as_one_word(command: list[str], value: str) -> None:
    container = ContainerSpec(
        name="c", image="i", command=("--", *command), environment={"V": value}
    )
    words = shlex.split(shell.render(one_container(container)), comments=True)
    assert words[-len(command) :] == command
    assert words[words.index("--env") + 1] == f"V={value}"


def test_a_summary_cannot_end_its_comment() -> None:
    spec = one_container(ContainerSpec(name="c", image="i"))
    hostile = LabSpec(
        name="lab", scenario="s", summary="x\nrm -rf y\r", network=spec.network, pods=spec.pods
    )
    assert shell.render(hostile).startswith("# x rm -rf y\n")


def test_a_container_runs_the_reference_of_its_image() -> None:
    image = ImageSpec(name="a", reference="localhost/lab/a:0123")
    run = commands(one_container(ContainerSpec(name="c", image="a"), image))[-1]
    assert run[-1] == "localhost/lab/a:0123"


def test_a_base_from_a_registry_is_pulled() -> None:
    base = ImageSpec(name="base", reference="docker.io/prom/prometheus:v3", source="registry")
    first = commands(one_container(ContainerSpec(name="c", image="base"), base))[0]
    assert first == ["podman", "pull", "docker.io/prom/prometheus:v3"]


def test_what_no_command_can_make_is_said_in_a_comment() -> None:
    base = ImageSpec(name="base", reference="localhost/base:1", source="packages")
    own = ImageSpec(name="own:1", reference="own:1")
    spec = one_container(ContainerSpec(name="c", image="own:1"), base, own)
    assert [words[1] for words in commands(spec)] == ["network", "pod", "run"]
    assert "# localhost/base:1: a root of Debian packages" in shell.render(spec)
    assert "# own:1: pulled by podman run unless it is there" in shell.render(spec)
