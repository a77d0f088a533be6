"""One word, one meaning: options, durations, examples and what is said of missing words."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from lab import console, durations
from lab.cli import app
from lab.commands.examples import EXAMPLES
from lab.options import DURATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

SHORT = {
    "-h": "--help",
    "-o": "--output",
    "-q": "--quiet",
    "-n": "--requests",
    "-c": "--concurrency",
    "-f": "--follow",
}


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command and group by the words after `lab`."""
    group = get_group(app)
    yield "", group
    yield from _below(group, "")


def _below(group: Any, words: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - click's
    for name, command in group.commands.items():
        own = f"{words} {name}".strip()
        yield own, command
        if hasattr(command, "commands"):
            yield from _below(command, own)


ALL = dict(commands())


def _has_name(command: Any) -> bool:  # noqa: ANN401 - click's
    return any("--name" in param.opts for param in command.params)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("20us", 0.00002),
        ("1h", 3600),
        ("1.5s", 1.5),
        ("0s", 0),
    ],
)
def test_a_duration_is_read_and_shown(text: str, seconds: float) -> None:
    assert durations.parse(text) == seconds
    assert durations.parse(durations.show(seconds)) == seconds


@pytest.mark.parametrize(
    "text", ["", ".", "1h30", "s", "10x", "-5s", "5s5m", "1 s", "infs", "1e3s", "٣s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 10s"):
        durations.parse(text)


@pytest.mark.parametrize(("text", "seconds"), [("10", 10), ("0.5", 0.5), ("2m", 120)])
def test_an_option_takes_plain_seconds_too(text: str, seconds: float) -> None:
    assert DURATION["parser"](text) == durations.parse(text) == seconds


@pytest.mark.parametrize(
    "words",
    [
        ("load", "--duration"),
        ("load", "--timeout"),
        ("up", "direct", "--wait"),
        ("compare", "direct", "sidecar", "--wait"),
        ("sweep", "--wait"),
        ("replay", "latest", "--wait"),
        ("metrics", "--since"),
    ],
    ids=" ".join,
)
def test_every_time_on_the_command_line_is_a_duration(words: tuple[str, ...]) -> None:
    ended = typed(*words, "5x")
    assert ended.exit_code == 2
    assert "'5x' is not a duration such as 10s, 1m30s or 500ms" in ended.stderr


def test_an_option_has_one_meaning_in_all_commands() -> None:
    meanings: dict[str, set[str]] = {}
    for command in ALL.values():
        for param in command.params:
            long = [option for option in param.opts if option.startswith("--")]
            for option in param.opts:
                if long and not option.startswith("--"):
                    assert long == [SHORT[option]]
            # What an axis of a grid takes are several of what the option takes elsewhere.
            if long and param.name not in {"error_rate", "retries", "max_retries", "requests"}:
                meanings.setdefault(long[0], set()).add(param.help)
    assert {option: texts for option, texts in meanings.items() if len(texts) > 1} == {}
    assert meanings["--url"] == {"Send requests here instead of to a lab."}


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (("--arrivals", "poisson"), "--arrivals needs --rate"),
        (("--arrivals", "constant"), "--arrivals needs --rate"),
        (("--arrival-seed", "3"), "--arrival-seed needs --arrivals poisson"),
        (("--rate", "5", "--arrival-seed", "3"), "--arrival-seed needs --arrivals poisson"),
    ],
)
def test_an_option_without_effect_is_an_error(words: tuple[str, ...], needed: str) -> None:
    ended = typed("load", *words)
    assert ended.exit_code == 2
    assert needed in ended.stderr


@pytest.mark.parametrize("words", ALL, ids=lambda words: words or "lab")
def test_every_help_has_examples_that_are_valid(words: str) -> None:
    shown = typed(*words.split(), "--help").stdout
    for line, purpose in EXAMPLES[words].items():
        assert f"  {line}\n      {purpose}" in shown
        typed_ = shlex.split(line.partition(" > ")[0])
        assert " ".join(typed_).startswith(f"lab {words}".strip())
        # Raises a UsageError for an unknown command, option or value.
        _parse(get_group(app), typed_[0], typed_[1:], None)


def _parse(command: Any, name: str, words: list[str], parent: Any) -> None:  # noqa: ANN401 - click's
    with command.make_context(name, words, parent=parent) as context:
        left = [*getattr(context, "_protected_args", ()), *context.args]
        if hasattr(command, "commands") and left:
            below, inner, rest = command.resolve_command(context, left)
            _parse(inner, below, rest, context)


def test_examples_are_of_commands_that_there_are() -> None:
    assert EXAMPLES.keys() == ALL.keys()


@pytest.mark.parametrize("command", ["up", "show", "compare"])
def test_a_missing_scenario_is_answered_with_the_list_of_them(command: str) -> None:
    ended = typed(command)
    assert ended.exit_code == 2
    for name in ("direct", "sidecar", "scale"):
        assert f"\n  {name:<9}" in ended.stderr


@pytest.mark.parametrize("words", [("runs", "show"), ("replay",)], ids=" ".join)
def test_a_missing_run_is_answered_with_the_newest(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.measure.records.ids", lambda: tuple(f"run-{n:02}" for n in range(20)))
    ended = typed(*words)
    assert ended.exit_code == 2
    assert "\n  run-19\n  run-18\n" in ended.stderr
    assert "run-07" not in ended.stderr
    assert "and 8 more" in ended.stderr


@pytest.mark.parametrize("words", [w for w, c in ALL.items() if _has_name(c)])
def test_an_invalid_name_is_refused_before_podman_is_asked(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(url: str = "") -> None:
        pytest.fail(f"podman was asked {url}")

    monkeypatch.setattr("lab.engine.podman.connect", connect)
    more = {"up": "direct", "show": "direct", "compare": "direct sidecar", "replay": "x"}
    ended = typed(*words.split(), *more.get(words, "").split(), "--name", "UX!")
    assert ended.exit_code == 2
    assert "error: 'UX!' cannot be the name of a lab" in ended.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start one: `lab up direct`", "start one: `lab up direct --name two`"),
        ("`lab up` or `lab down` carries on", "`lab up --name two` or `lab down --name two` c"),
        ("see `lab doctor` or `lab runs`", "see `lab doctor` or `lab runs`"),
    ],
)
def test_commands_in_hints_keep_the_name_of_the_lab(text: str, expected: str) -> None:
    assert expected in console.named(text, "two")
    assert console.named(text, "lab") == text
