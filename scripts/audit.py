"""Are there known weaknesses in what constraints.txt pins? For continuous integration.

    python3 scripts/audit.py [--report FILE] [--accepted FILE] [--on YYYY-MM-DD]

pip-audit asks for the advisories, from an environment of its own that is thrown away; `--report` is
one of its reports instead. Where it, or they, cannot be had, this says so and ends well: a build
must not depend on that. Exit status 1 when there are weaknesses that scripts/accepted.toml does not
accept on that day (default: today); each is named with the version that mends it. 2 when a file
cannot be read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60
"""Seconds for each step."""


@dataclass(frozen=True)
class Weakness:
    """One advisory about one pinned package."""

    package: str
    version: str
    names: tuple[str, ...]
    """Its id, then its other names."""
    mended_in: tuple[str, ...]

    def __str__(self) -> str:
        mended = ", ".join(self.mended_in) or "no version yet"
        return f"{self.package} {self.version}: {self.names[0]}, mended in {mended}"


@dataclass(frozen=True)
class Accepted:
    """A weakness that we live with until a day."""

    id: str
    until: date
    reason: str


def weaknesses(report: Mapping[str, Any]) -> Iterator[Weakness]:
    """What a report of pip-audit's names."""
    for package in report.get("dependencies", []):
        for found in package.get("vulns", []):
            names = (found["id"], *found.get("aliases", []))
            fixes = tuple(found.get("fix_versions", []))
            yield Weakness(package["name"], package["version"], names, fixes)


def accepted_in(text: str) -> list[Accepted]:
    """What a file of accepted weaknesses says. Raises ValueError, TypeError or KeyError."""
    found = []
    for table in tomllib.loads(text).get("accepted", []):
        each = Accepted(table["id"], table["until"], table["reason"])
        if type(each.until) is not date or not each.reason.strip():
            raise ValueError(f"{each.id}: `until` is a date, `reason` a sentence")
        found.append(each)
    return found


def judged(
    found: Sequence[Weakness], accepted: Sequence[Accepted], on: date
) -> tuple[list[str], bool]:
    """A line for each weakness, and whether one of them is not accepted that day."""
    lines, bad = [], False
    for weakness in found:
        known = next((each for each in accepted if each.id in weakness.names), None)
        if known is None:
            lines.append(str(weakness))
        elif known.until < on:
            lines.append(f"{weakness}; it was accepted until {known.until}: {known.reason}")
        else:
            lines.append(f"{weakness}; accepted until {known.until}: {known.reason}")
            continue
        bad = True
    names = {name for weakness in found for name in weakness.names}
    lines += [
        f"{each.id} is accepted and no longer there" for each in accepted if each.id not in names
    ]
    return lines, bad


def report_of(folder: Path) -> dict[str, Any] | None:
    """pip-audit's report on the pinned versions; None when it cannot be had."""
    python, written = str(folder / "audit" / "bin" / "python"), folder / "report.json"
    steps = (
        [sys.executable, "-P", "-m", "venv", str(folder / "audit")],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pip-audit"],
        [python, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off",
         "-r", str(ROOT / "constraints.txt"), "-f", "json", "-o", str(written)],
    )  # fmt: skip
    try:
        for step in steps:
            subprocess.run(step, capture_output=True, timeout=PATIENCE, check=False)
        found: dict[str, Any] = json.loads(written.read_text("utf-8"))
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return found


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="known weaknesses in what is pinned")
    parser.add_argument("--report", type=Path, help="a report of pip-audit's, as JSON")
    parser.add_argument("--accepted", type=Path, default=ROOT / "scripts" / "accepted.toml")
    parser.add_argument("--on", type=date.fromisoformat, default=datetime.now(UTC).date())
    options = parser.parse_args()
    try:
        report = _read(options.report)
        accepted = accepted_in(options.accepted.read_text("utf-8"))
    except (OSError, ValueError, TypeError, KeyError) as error:
        print(f"audit: a file cannot be read: {error!r}", file=sys.stderr)
        return 2
    if report is None:
        print("audit: the advisories cannot be had here; nothing was looked at")
        return 0
    lines, bad = judged(list(weaknesses(report)), accepted, options.on)
    print("\n".join(lines) or f"audit: {len(report['dependencies'])} packages, no known weakness")
    if bad:
        print(
            "audit: raise the pins in constraints.txt to what mends these, or accept them for a "
            "while in scripts/accepted.toml"
        )
    return int(bad)


def _read(given: Path | None) -> dict[str, Any] | None:
    if given is not None:
        report: dict[str, Any] = json.loads(given.read_text("utf-8"))
        return report
    with tempfile.TemporaryDirectory() as folder:
        return report_of(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
