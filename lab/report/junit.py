"""Verdicts as JUnit XML, which CI systems show beside their other tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from lab.errors import LabError
from lab.report.words import observed, predicted
from lab.spec.claims import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.measure.records import Record
    from lab.spec.claims import ClaimResult

_NO_CHARACTER = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped (https://www.w3.org/TR/xml/#charsets)."""


def write(path: Path, record: Record, results: Sequence[ClaimResult]) -> None:
    """Write the verdicts on a record: a test case a claim.

    A refuted claim is a failure; one that was not measured is an error, not a skip. The form is
    the one that Jenkins and others agree on (https://github.com/testmoapp/junitxml).

    Raises :class:`LabError` when the file cannot be written.
    """
    suite = ET.Element(
        "testsuite",
        name=_allowed(f"lab verify {record.spec.scenario}"),
        tests=str(len(results)),
        failures=str(_count(results, Verdict.REFUTED)),
        errors=str(_count(results, Verdict.NOT_MEASURED)),
        timestamp=record.began.isoformat(timespec="seconds"),
        time=f"{record.load.seconds:.3f}",
    )
    for result in results:
        _case(suite, record, result)
    root = ET.Element("testsuites")
    root.append(suite)
    try:
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise LabError(f"{path} cannot be written: {error.strerror}") from error


def _case(suite: ET.Element, record: Record, result: ClaimResult) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"lab.{record.spec.name}",
        name=_allowed(result.says),
        time="0",
    )
    tags = {Verdict.REFUTED: "failure", Verdict.NOT_MEASURED: "error"}
    if tag := tags.get(result.verdict):
        message = f"{result.test}: predicted {predicted(result)}, observed {observed(result)}"
        ET.SubElement(case, tag, message=_allowed(message)).text = _allowed("\n".join(result.why))


def _allowed(text: str) -> str:
    return _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)


def _count(results: Sequence[ClaimResult], verdict: Verdict) -> int:
    return sum(result.verdict is verdict for result in results)
