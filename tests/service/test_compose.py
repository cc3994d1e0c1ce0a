"""Dockerfile, compose file and unit: read as their programs would, since none is at hand here."""

import configparser
import json
import re
import shlex
import tomllib
from typing import Any

import pytest
import yaml

from service.cli import cli
from service.cli.status import status
from tests.service.configs import ROOT


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if line.strip()]


def last_stage() -> dict[str, str]:
    stage: dict[str, str] = {}
    for name, value in instructions():
        stage = {} if name == "FROM" else {**stage, name: value}
    return stage


@pytest.fixture
def service() -> dict[str, Any]:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert set(compose) == {"services", "volumes"}
    assert list(compose["services"]) == ["wirewatch"]
    assert compose["volumes"] == {"data": None}
    found: dict[str, Any] = compose["services"]["wirewatch"]
    return found


def test_the_image_runs_as_nobody_in_particular() -> None:
    stage = last_stage()
    assert stage["USER"] == "10001:10001"
    assert stage["VOLUME"] == stage["WORKDIR"] == "/data"
    assert stage["STOPSIGNAL"] == "SIGTERM"


def test_the_image_runs_commands_that_exist() -> None:
    stage = last_stage()
    assert json.loads(stage["ENTRYPOINT"]) == ["wirewatch"]
    assert json.loads(stage["CMD"]) == ["run"]
    assert "run" in cli.list_commands(None)  # type: ignore[arg-type]
    options, command = stage["HEALTHCHECK"].split("CMD")
    assert json.loads(command) == ["wirewatch", "status", "--health"]
    assert any("--health" in option.opts for option in status.params)
    assert {"--interval", "--timeout", "--start-period"} <= {
        option.split("=")[0] for option in shlex.split(options)
    }


def test_the_image_is_debian_and_pinned_to_a_python_that_is_supported() -> None:
    images = {value.split()[0] for name, value in instructions() if name == "FROM"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (image,) = images
    found = re.fullmatch(r"python:3\.(\d+)-slim-\w+", image)
    assert found
    assert int(found[1]) >= int(project["requires-python"].removeprefix(">=3."))


def test_everything_that_is_copied_exists_and_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        name
        for instruction, value in instructions()
        if instruction == "COPY" and not value.startswith("--from")
        for name in value.split()[:-1]
    }
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = packages["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"], "constraints.txt"} <= copied
    assert all((ROOT / name).exists() for name in copied)
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_the_wheel_carries_the_shipped_configuration() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"config.toml": "service/config.toml"}


def test_the_container_can_write_to_its_volume_only(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [mount.split(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
    assert service["volumes"] == ["data:/data", "./config.toml:/data/config.toml:ro"]
    assert "privileged" not in service
    assert "ports" not in service


def test_the_container_has_time_to_finish_and_bounds(service: dict[str, Any]) -> None:
    assert service["init"] is True
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"] == "60s"
    assert service["mem_limit"]
    assert service["pids_limit"]


def test_the_compose_file_holds_no_secret(service: dict[str, Any]) -> None:
    assert all("=" not in variable for variable in service["environment"])


def test_the_unit_runs_the_service_in_a_sandbox() -> None:
    text = (ROOT / "docs" / "systemd.md").read_text(encoding="utf-8")
    found = re.search(r"```ini\n(.*?)```", text, re.DOTALL)
    assert found
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(found[1])
    service = unit["Service"]
    assert service["ExecStart"].split()[-1] == "run"
    assert service["User"] == "wirewatch"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == service["PrivateTmp"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["MemoryMax"]
    assert service["RestartPreventExitStatus"] == "2"
    assert set(service["RestrictAddressFamilies"].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
