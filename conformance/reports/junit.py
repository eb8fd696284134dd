"""A run as JUnit XML, which the pages of most CI systems show."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ..runner import ADVISED, XFAILED, Run
from .text import failure

# What XML 1.0 cannot hold, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(run: Run) -> bytes:
    """A document with a suite for each part of the program."""
    root = ElementTree.Element("testsuites", name=run.name)
    for part in run.commands:
        lines = [line for line in run.lines if line.result.check.part == part]
        suite = ElementTree.SubElement(root, "testsuite", name=f"{run.name} {part}")
        bad = run.bad()
        for line in lines:
            case = line.result.check.case
            where = case.id.split("/")[0]
            test = ElementTree.SubElement(
                suite, "testcase", classname=f"{part}.{where}", name=case.name, time=f"{line.result.seconds:.4f}"
            )
            if line in bad:
                told = line.result.judgement.got or f"passed, and was expected to fail: {line.reason}"
                fault = ElementTree.SubElement(test, "failure", message=_clean(told))
                fault.text = _clean("\n".join(failure(run, line)))
            elif line.state in (XFAILED, ADVISED):
                ElementTree.SubElement(test, "skipped", message=_clean(line.reason or line.result.judgement.got))
        failed = sum(line in bad for line in lines)
        skipped = sum(line.state in (XFAILED, ADVISED) for line in lines)
        suite.attrib |= {"tests": str(len(lines)), "failures": str(failed), "skipped": str(skipped)}
    if run.unmatched:
        suite = ElementTree.SubElement(
            root, "testsuite", name=f"{run.name} expectations", tests=str(len(run.unmatched))
        )
        for xfail in run.unmatched:
            test = ElementTree.SubElement(
                suite, "testcase", classname="expectations", name=f"{xfail.part} {xfail.glob}"
            )
            ElementTree.SubElement(test, "failure", message="matches no case")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
