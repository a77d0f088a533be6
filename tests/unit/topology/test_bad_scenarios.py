"""Every mistake in a scenario is named, with its line, and all of them at once.

The scenarios are in bad/; the expected problems stand in them, as comments on the line concerned.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lab.errors import UsageError
from lab.topology import scenario

MARK = " #! "

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))

BROKEN = {
    "a bracket left open": (b"summary: s\npods: [\n", 3, "not valid YAML"),
    "a tab as indentation": (b"summary: s\npods:\n\tp: 1\n", 3, "not valid YAML"),
    "an escape beyond Unicode": (b'summary: "\\U00110000"\n', 1, "not valid YAML"),
    "nothing at all": (b"# only a comment\n", 1, "empty"),
    "two documents": (b"summary: s\n---\nsummary: t\n", 2, "a second document begins here"),
    "an anchor": (b"summary: &a s\n", 1, "anchors (&) and aliases (*) are not supported"),
    "an alias": (b"summary: s\npods: *a\n", 2, "anchors (&) and aliases (*) are not supported"),
    "a tag": (b"summary: s\npods: !!python/object:os.system {}\n", 2, "tags (!) are not supported"),
    "a list as a key": (b"summary: s\n? [a]\n: b\n", 2, "a key has to be plain text"),
    "deep nesting": (b"a: " + b"[" * 100_000, 1, "nested deeper than 32 levels"),
    "another encoding": (b"summary: s\n# \xfc\n", 2, "not UTF-8 text"),
    "a control character": (b"summary: s\n# \x07\n", 2, "has the control character '\\x07'"),
}


@pytest.fixture(autouse=True)
def _in_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def expected(text: str) -> tuple[str, ...]:
    return tuple(
        f"mine.yaml:{number}: {problem}"
        for number, line in enumerate(text.splitlines(), start=1)
        for problem in line.split(MARK)[1:]
    )


@pytest.mark.parametrize("case", BAD, ids=lambda path: path.stem)
def test_every_problem_is_named_with_its_line(tmp_path: Path, case: Path) -> None:
    text = case.read_text()
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        scenario.load("./mine.yaml", given={})
    assert caught.value.details == expected(text)


@pytest.fixture(params=["libyaml", "pure Python"])
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)


@pytest.mark.usefixtures("_parser")
@pytest.mark.parametrize(("data", "line", "text"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_yaml_is_one_problem(
    tmp_path: Path, data: bytes, line: int, text: str
) -> None:
    (tmp_path / "mine.yaml").write_bytes(data)
    with pytest.raises(UsageError, match=r"^mine.yaml has a problem$") as caught:
        scenario.load("mine.yaml", given={})
    (detail,) = caught.value.details
    assert detail.startswith(f"mine.yaml:{line}: {text}")


def test_the_message_counts_the_problems_and_shows_the_first_twenty(tmp_path: Path) -> None:
    keys = "".join(f"key{n}: 1\n" for n in range(50))
    (tmp_path / "mine.yaml").write_text(
        f"summary: s\npods: {{p: {{containers: {{c: {{image: i}}}}}}}}\n{keys}"
    )
    with pytest.raises(UsageError, match=r"^mine.yaml has 50 problems$") as caught:
        scenario.load("./mine.yaml", given={})
    assert len(caught.value.details) == 21
    assert caught.value.details[0].startswith("mine.yaml:3: key0: ")
    assert caught.value.details[-1] == "... and 30 more"


def test_a_problem_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("volumes:\n  data: [1]\n")
    (tmp_path / "mine.yaml").write_text(
        "summary: s\ninclude: ./base.yaml\npods: {p: {containers: {c: {image: i}}}}\n"
    )
    with pytest.raises(UsageError) as caught:
        scenario.load("./mine.yaml", given={})
    assert caught.value.details == ("base.yaml:2: volumes.data: has to be a mapping (key: value)",)


def test_problems_in_the_file_come_before_a_bad_parameter(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("summary: s\n")
    with pytest.raises(UsageError, match="has a problem"):
        scenario.load("./mine.yaml", given={"nope": 1})


def test_a_missing_file_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"^cannot read 'none.yaml': No such file or directory$"):
        scenario.load("./none.yaml", given={})


def test_a_directory_is_not_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").mkdir()
    with pytest.raises(UsageError, match=r"^cannot read 'd.yaml': it is not a regular file$"):
        scenario.load("d.yaml", given={})


def test_a_file_larger_than_scenarios_are_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"#" * (256 * 1024 + 1))
    with pytest.raises(UsageError, match=r"^cannot read 'mine.yaml': it is larger than 256 KiB$"):
        scenario.load("./mine.yaml", given={})


def test_a_path_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot read"):
        scenario.load("./a\0b.yaml", given={})


def test_an_unknown_scenario_suggests_the_nearest_and_lists_all() -> None:
    with pytest.raises(
        UsageError, match="there is no scenario 'sidcar'; did you mean 'sidecar'"
    ) as e:
        scenario.load("sidcar", given={})
    assert "direct, haproxy, scale, sidecar" in e.value.hint


def test_a_file_meant_for_include_is_no_scenario() -> None:
    with pytest.raises(UsageError, match="there is no scenario '_common'"):
        scenario.load("_common", given={})


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a/b", "a" * 32])
def test_a_lab_needs_a_name_that_can_be_a_prefix(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a lab"):
        scenario.load("direct", name=name, given={})
