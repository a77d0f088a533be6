"""Verdicts as JUnit XML: what a CI system reads is what was judged."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from lab.errors import LabError
from lab.report.junit import write
from lab.spec.claims import ClaimResult, Verdict
from tests.unit.experiment.simulated import Run

if TYPE_CHECKING:
    from pathlib import Path

    from lab.measure.records import Record


def result(verdict: Verdict, says: str = "") -> ClaimResult:
    return ClaimResult(
        name=verdict.name,
        says=says or f"it is {verdict}",
        test="a = b",
        verdict=verdict,
        predicted=(1_000_000,),
        observed=(2,),
        why=("because", "and so"),
    )


def record() -> Record:
    return Run(requests=20).record()


def written(path: Path, *of: ClaimResult) -> ET.Element:
    """The only test suite of the file."""
    write(path / "verdicts.xml", record(), of)
    root = ET.parse(path / "verdicts.xml").getroot()  # noqa: S314 - our own file
    assert root.tag == "testsuites"
    (suite,) = root
    return suite


def test_each_claim_is_a_case_and_the_counts_are_right(tmp_path: Path) -> None:
    every = [result(verdict) for verdict in Verdict]
    suite = written(tmp_path, *every, result(Verdict.REFUTED))
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors")}
    assert counts == {"tests": "4", "failures": "2", "errors": "1"}
    assert [case.get("name") for case in suite] == [
        "it is confirmed",
        "it is refuted",
        "it is not measured",
        "it is refuted",
    ]


def test_a_refuted_claim_is_a_failure_with_its_reasons(tmp_path: Path) -> None:
    (case,) = written(tmp_path, result(Verdict.REFUTED))
    (failure,) = case
    assert failure.tag == "failure"
    assert failure.get("message") == "a = b: predicted 1000000, observed 2"
    assert failure.text == "because\nand so"


def test_a_claim_that_was_not_measured_is_an_error(tmp_path: Path) -> None:
    (case,) = written(tmp_path, result(Verdict.NOT_MEASURED))
    assert [child.tag for child in case] == ["error"]


def test_a_confirmed_claim_has_nothing_to_say(tmp_path: Path) -> None:
    (case,) = written(tmp_path, result(Verdict.CONFIRMED))
    assert list(case) == []


def test_text_of_any_kind_arrives(tmp_path: Path) -> None:
    says = "A < B & \"C\" said 'ü'\N{SNOWMAN}"
    (case,) = written(tmp_path, result(Verdict.CONFIRMED, says=says))
    assert case.get("name") == says


def test_control_characters_which_xml_has_not_are_replaced(tmp_path: Path) -> None:
    (case,) = written(tmp_path, result(Verdict.CONFIRMED, says="a\x1b[31m\x00b"))
    assert case.get("name") == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}b"


def test_a_file_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"cannot be written: No such file or directory"):
        write(tmp_path / "missing" / "verdicts.xml", record(), ())
