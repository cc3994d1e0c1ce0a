"""The service as a process of its own, as a user starts it."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent


def command(config: Path, *words: str) -> list[str]:
    """What `./wirewatch` ends in, without the check of .venv."""
    return [sys.executable, "-P", "-m", "service", "--config", str(config), *words]


def environment() -> dict[str, str]:
    """Ours, but compiled modules are kept: compiling anew would more than double every start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    status: int
    output: str
    errors: str


async def run_command(config: Path, *words: str, within: float = 60) -> Finished:
    """Runs one command to its end."""
    process = await asyncio.create_subprocess_exec(
        *command(config, *words),
        cwd=config.parent,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), within)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return Finished(process.returncode, output.decode(), errors.decode())


@dataclass
class RunningService:
    """`wirewatch run`, or a worker; `async with` it, or it may outlive the test."""

    config: Path
    before: tuple[str, ...] = ()
    """A command that ends in executing what follows it: `unshare …`."""
    words: tuple[str, ...] = ("run",)
    """The command and its options."""
    name: str = "service"
    """Of the file beside the configuration that its log goes to."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables beside ours."""
    started: float = 0.0
    children: list[psutil.Process] = field(default_factory=list)
    """Its worker processes when it was last looked at."""
    _process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        """Everything it and its predecessors on this configuration have said."""
        return self.log_file.read_text("utf-8", "replace")

    @property
    def log_file(self) -> Path:
        """Where that stands."""
        return self.config.parent / f"{self.name}.log"

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process is not None and self._process.returncode is None

    async def __aenter__(self) -> "RunningService":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.is_running:
            await self.kill()

    async def start(self) -> None:
        """Starts it; it need not be ready yet."""
        descriptor = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.before,
                *command(self.config, *self.words),
                cwd=self.config.parent,
                env={**environment(), **self.env},
                stdout=descriptor,
                stderr=descriptor,
            )
        finally:
            os.close(descriptor)
        self.started = time.monotonic()

    async def kill(self) -> None:
        """SIGKILL, as the operating system does when memory runs out; its children get nothing."""
        assert self._process
        if self.is_running:
            self.children = psutil.Process(self.pid).children(recursive=True)
            self._process.kill()
        await self._process.wait()

    async def stop(self, within: float = 10, sign: int = signal.SIGTERM) -> int:
        """Asks it to stop and gives its exit status. Raises TimeoutError when it does not."""
        assert self._process
        self._process.send_signal(sign)
        return await asyncio.wait_for(self._process.wait(), within)

    async def ended(self, within: float = 30) -> int:
        """Its exit status, once it has ended by itself."""
        assert self._process
        return await asyncio.wait_for(self._process.wait(), within)
