"""Dockerfile, compose file and unit: read as their programs would, since none is at hand here."""

import configparser
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.cli import cli
from service.cli.status import status
from service.cli.worker import worker
from service.config import load
from service.roles import ALL, parse_roles
from store.postgresql import MOST_CONNECTIONS
from tests.service.configs import ROOT, write


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
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return found


@pytest.fixture
def service(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]["wirewatch"]
    return found


OURS = ("wirewatch", "scheduler", "worker")


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


def test_one_container_is_started_or_those_that_share_never_both(compose: dict[str, Any]) -> None:
    services = compose["services"]
    chosen = dict(
        line.split("=") for line in (ROOT / ".env").read_text("utf-8").splitlines() if "=" in line
    )
    assert chosen == {"COMPOSE_PROFILES": "default"}
    assert [name for name in services if services[name]["profiles"] == ["default"]] == ["wirewatch"]
    assert set(services) == {"wirewatch", "postgres", "scheduler", "worker"}
    shared = [name for name in services if services[name].get("profiles") == ["scale"]]
    assert len(shared) == 3
    assert set(compose["volumes"]) == {"data", "postgres"}
    assert "command" not in services["wirewatch"]


def test_the_roles_of_the_containers_are_all_there_are(compose: dict[str, Any]) -> None:
    commands = [compose["services"][name]["command"] for name in ("scheduler", "worker")]
    assert [command[0] for command in commands] == ["run", "worker"]
    roles = [parse_roles(command[command.index("--roles") + 1]) for command in commands]
    assert frozenset(ALL) == roles[0] | roles[1]
    assert not roles[0] & roles[1]


def test_every_container_of_ours_is_as_bound_as_the_first(compose: dict[str, Any]) -> None:
    kept = ("read_only", "cap_drop", "security_opt", "mem_limit", "pids_limit", "restart", "init")
    services = compose["services"]
    for name in OURS:
        assert all(services[name][key] == services["wirewatch"][key] for key in kept)
        assert int(services[name]["stop_grace_period"].removesuffix("s")) > 10
        assert "ports" not in services[name]


def test_a_worker_is_asked_for_itself_only(compose: dict[str, Any]) -> None:
    service = compose["services"]["worker"]
    address = service["command"][service["command"].index("--listen") + 1]
    assert any("--listen" in option.opts for option in worker.params)
    *_, program = service["healthcheck"]["test"]
    assert f"http://{address}/health" in program
    compile(program, "healthcheck", "exec")


def test_what_only_wirewatch_may_read_is_given_to_its_user(compose: dict[str, Any]) -> None:
    uid = last_stage()["USER"]
    said = (ROOT / "docker-compose.yml").read_text("utf-8")
    (secret,) = compose["services"]["worker"]["secrets"]
    assert f"chown {uid} config.toml {compose['secrets'][secret]['file']}" in said


def test_the_server_has_connections_for_all(compose: dict[str, Any]) -> None:
    command = compose["services"]["postgres"]["command"]
    most = int(command[-1].removeprefix("max_connections="))
    assert most >= 10 * MOST_CONNECTIONS


def test_the_database_is_awaited_and_its_secrets_are_files(compose: dict[str, Any]) -> None:
    services, postgres = compose["services"], compose["services"]["postgres"]
    for name in ("scheduler", "worker"):
        assert services[name]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
        assert services[name]["secrets"] == ["database"]
    assert postgres["healthcheck"]["test"][1] == "pg_isready"
    assert postgres["restart"] == "unless-stopped"
    assert postgres["secrets"] == ["postgres"]
    assert "POSTGRES_PASSWORD_FILE=/run/secrets/postgres" in postgres["environment"]
    assert not any("PASSWORD=" in variable for variable in postgres["environment"])
    assert {name: secret["file"] for name, secret in compose["secrets"].items()} == {
        "postgres": "secrets/postgres",
        "database": "secrets/database",
    }


def test_the_address_in_a_secret_is_taken(tmp_path: Path) -> None:
    address = "postgresql+psycopg://wirewatch:a-password@postgres/wirewatch"
    (tmp_path / "database").write_text(address + "\n")
    config = load(write(tmp_path, '[service]\ndatabase = { file = "database" }\n'), {})
    assert config.service.database == address
    assert "a-password" in config.secrets


def test_the_container_has_time_to_finish_and_bounds(service: dict[str, Any]) -> None:
    assert service["init"] is True
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"] == "60s"
    assert service["mem_limit"]
    assert service["pids_limit"]


def test_the_compose_file_holds_no_secret(service: dict[str, Any]) -> None:
    assert all("=" not in variable for variable in service["environment"])


def units() -> list[configparser.ConfigParser]:
    """The units of the manual."""
    text = (ROOT / "docs" / "systemd.md").read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"```ini\n(.*?)```", text, re.DOTALL):
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read_string(block)
        found.append(unit)
    return found


def test_the_worker_unit_is_a_template_with_the_same_sandbox() -> None:
    worker = units()[1]["Service"]
    assert shlex.split(worker["ExecStart"])[-1] == "worker"
    assert worker["StateDirectory"] == "wirewatch-worker-%i"
    own = {
        "ExecStart",
        "StateDirectory",
        "WorkingDirectory",
        "TimeoutStopSec",
    }
    first = units()[0]["Service"]
    assert {key: first[key] for key in first.keys() - own} == {
        key: worker[key] for key in worker.keys() - own
    }


def test_the_unit_runs_the_service_in_a_sandbox() -> None:
    service = units()[0]["Service"]
    assert service["ExecStart"].split()[-1] == "run"
    assert service["User"] == "wirewatch"
    assert service["ProtectSystem"] == "strict"
    assert service["NoNewPrivileges"] == service["PrivateTmp"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert service["MemoryMax"]
    for closed in (
        "ProtectHome", "PrivateDevices", "ProtectClock", "ProtectHostname", "ProtectKernelLogs",
        "ProtectKernelModules", "ProtectKernelTunables", "ProtectControlGroups",
        "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality",
        "RemoveIPC",
    ):  # fmt: skip
        assert service[closed] == "yes", closed
    assert service["UMask"] == "0077"
    # No secret where `ps` or the journal would show it.
    assert "Environment" not in service
    assert not re.search(r"password|secret|token|://", service["ExecStart"], re.IGNORECASE)
    assert service["RestartPreventExitStatus"] == "2"
    assert set(service["RestrictAddressFamilies"].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
