"""Real Redis and PostgreSQL servers for the tests, each on a free port in a temporary folder.

pytest-redis and pytest-postgresql were looked at: neither can start PostgreSQL when the tests run as root (CI images
do), and neither lets a test kill the server and start it again on the same port, which is what these tests are about.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import redis

STARTUP_SECONDS = 30.0


def unavailable(sentence: str) -> None:
    """Skip with a plain sentence; where services are required (make test, CI) fail with it."""
    if os.environ.get("JZT_REQUIRE_SERVICES") == "1":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def free_port() -> int:
    """A TCP port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return
        time.sleep(0.02)
    said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    pytest.fail(f"the server on port {port} did not start:\n{said}", pytrace=False)


class RedisServer:
    """A redis-server of our own. `kill` and `start` again keep the port, and nothing of the data."""

    def __init__(self, folder: Path, *extra: str, config: str | None = None) -> None:
        self.binary = shutil.which("redis-server") or ""
        if not self.binary:
            unavailable("redis-server is not installed: apt-get install redis-server")
        self.folder = folder
        self.port = free_port()
        self._extra = extra
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{self.folder / 'redis.sock'}?db=0"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "redis.log"
        arguments: list[str] = [self.binary]
        if self._config is not None:
            file = self.folder / "redis.conf"
            file.write_text(self._config)
            arguments.append(str(file))
        arguments += [
            "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "",
            "--appendonly", "no", "--daemonize", "no", *self._extra,
        ]  # fmt: skip
        if "--sentinel" not in self._extra:
            arguments += ["--unixsocket", str(self.folder / "redis.sock")]
        with log.open("ab") as out:
            self._process = subprocess.Popen(arguments, stdout=out, stderr=subprocess.STDOUT)
        _wait_for_port(self.port, self._process, log)

    def empty(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def kill(self) -> None:
        """As a power cut does it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    stop = kill


class PostgresServer:
    """A PostgreSQL cluster of our own, run by the user `postgres` when the tests run as root (it refuses root)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._bin = self._binaries()
        self._as_user: Sequence[str] = ()
        if os.geteuid() == 0:
            if not shutil.which("runuser"):
                unavailable(
                    "runuser is not installed: PostgreSQL cannot run as root (apt-get install util-linux)"
                )
            self._as_user = ("runuser", "-u", "postgres", "--")
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def _binaries() -> Path:
        installed = sorted(
            Path("/usr/lib/postgresql").glob("*/bin/initdb"),
            key=lambda found: float(found.parent.parent.name),
        )
        if installed:
            return installed[-1].parent
        found = shutil.which("initdb")
        if found is None:
            unavailable("PostgreSQL is not installed: apt-get install postgresql")
        return Path(str(found)).parent

    def start(self) -> None:
        """Create the cluster on the first start."""
        data = self.folder / "data"
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._as_user:
            shutil.chown(self.folder, "postgres", "postgres")
        if not data.exists():
            self._run(
                str(self._bin / "initdb"), "-D", str(data), "-U", "jzt", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                "--no-sync",
            )  # fmt: skip
        log = self.folder / "postgres.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [
                    *self._as_user, str(self._bin / "postgres"), "-D", str(data), "-p", str(self.port),
                    "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}",
                    "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
                    "-c", "max_connections=100", "-c", "log_min_messages=fatal",
                ],
                stdout=out, stderr=subprocess.STDOUT, cwd=self.folder,
            )  # fmt: skip
        _wait_for_port(self.port, self._process, log)
        self._until_accepting()

    def stop(self) -> None:
        """Shut down as a restart does it: open connections are cut, everything committed is kept."""
        self._shut("fast")

    def discard(self) -> None:
        """Shut down at once; the data are not wanted any more."""
        self._shut("immediate")

    def _shut(self, mode: str) -> None:
        if self._process is not None:
            self._run(str(self._bin / "pg_ctl"), "stop", "-D", str(self.folder / "data"), "-m", mode, "-w")
            self._process.wait()
            self._process = None

    def create_database(self, like: str | None = None) -> str:
        """A fresh database, empty or a copy of the one at the URL `like`; returns its URL. Goes with the cluster."""
        name = f"t{secrets.token_hex(6)}"
        template = like.rsplit("/", 1)[1] if like else "template0"
        self._run(
            str(self._bin / "createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "jzt", "-T", template, name
        )  # fmt: skip
        return f"postgresql://jzt@127.0.0.1:{self.port}/{name}"

    def _until_accepting(self) -> None:
        deadline = time.monotonic() + STARTUP_SECONDS
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            if time.monotonic() > deadline:
                pytest.fail("PostgreSQL started but does not accept connections", pytrace=False)
            time.sleep(0.02)

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [*self._as_user, *command], cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.fail(f"{Path(command[0]).name} failed: {done.stderr}{done.stdout}", pytrace=False)
