"""Are there known weaknesses in what constraints.txt pins? For continuous integration.

    python3 scripts/audit.py

pip-audit asks for the advisories, from an environment of its own that is thrown away. Where it, or
they, cannot be had, this says so and ends well: a build must not depend on that. Exit status 1 when
there are weaknesses; each is named with the version that mends it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60
"""Seconds for each step."""


def weaknesses(report: dict[str, Any]) -> Iterator[str]:
    """What a report of pip-audit's names, a line for each."""
    for package in report.get("dependencies", []):
        for weakness in package.get("vulns", []):
            mended = ", ".join(weakness.get("fix_versions", [])) or "no version yet"
            yield f"{package['name']} {package['version']}: {weakness['id']}, mended in {mended}"


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
    with tempfile.TemporaryDirectory() as folder:
        report = report_of(Path(folder))
    if report is None:
        print("audit: the advisories cannot be had here; nothing was looked at")
        return 0
    found = list(weaknesses(report))
    print("\n".join(found) or f"audit: {len(report['dependencies'])} packages, no known weakness")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
