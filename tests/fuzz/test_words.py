"""Whatever stands on the command line and in the environment."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.damage import WORDS, word
from tests.fuzz.typed import typed

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = (
    "--name",
    "--set",
    "--shell",
    "-o",
    "--engine",
    "--junit",
    "--html",
    "--last",
    "--since",
    "--wait",
    "--tail",
    "-n",
    "-c",
)
PARAMETERS = ("error-rate", "seed", "retries", "max-retries", "port", "prometheus-port", "host")


variable = st.sampled_from([text for text in WORDS if text.isprintable()]) | st.text(
    st.characters().filter(str.isprintable), max_size=12
)
"""What a variable of the environment may hold in any case."""


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No podman that could be asked, and no records."""
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@given(
    st.sampled_from(
        ("show", "up", "build", "compare", "sweep", "verify", "status", "down", "logs")
    ),
    st.lists(st.sampled_from(OPTIONS) | st.sampled_from(("direct", "sidecar")) | word, max_size=5),
)
def test_any_words_end_in_a_known_way(command: str, words: list[str]) -> None:
    # "--junit" would write to where it is told.
    safe = [each for each in words if each != "--junit"]
    typed(command, *safe)


@given(st.sampled_from(("direct", "sidecar")), st.dictionaries(st.sampled_from(PARAMETERS), word))
def test_any_parameters_are_shown_or_refused(scenario: str, given_: dict[str, str]) -> None:
    pairs = [option for key, value in given_.items() for option in ("--set", f"{key}={value}")]
    assert typed("show", scenario, "--shell", *pairs).exit_code in {0, 2}


@given(word)
def test_a_name_stays_one_word_of_the_shell_or_is_refused(name: str) -> None:
    result = typed("show", "direct", "--shell", f"--name={name}")
    if result.exit_code == 0:
        assert shlex.quote(name) == name
        assert "/" not in name


@given(
    st.dictionaries(
        st.sampled_from(
            ("LAB_NAME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME", "COLUMNS", "TERM", "LANG")
        ),
        variable,
    )
)
def test_any_environment_ends_in_a_known_way(variables: dict[str, str]) -> None:
    typed("status", env=variables)
    typed("runs", env=variables)
