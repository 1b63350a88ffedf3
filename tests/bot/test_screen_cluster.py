"""Beyond one machine: a scheduler and two worker processes on loopback share the towns, with the same results."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest
from distributed import Client

from bot.bench import register
from bot.bench.process import free_port
from tests.bot.test_screen_command import screen

TOWNS = 6


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a scheduler with two workers, each a process of its own with one thread."""
    address = f"tcp://127.0.0.1:{free_port()}"
    dask = str(Path(sys.executable).with_name("dask"))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with ExitStack() as stack:

        def start(*words: str) -> None:
            process = subprocess.Popen([dask, *words], **quiet)  # type: ignore[call-overload]
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)

        start("scheduler", "--host", address, "--no-dashboard")
        for _ in range(2):
            start("worker", address, "--nworkers", "1", "--nthreads", "1", "--no-nanny", "--no-dashboard")
        with Client(address, timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address


def test_two_workers_share_the_towns_and_the_merged_report_is_the_same(
    tmp_path: Path, scheduler: str
) -> None:
    source, towns = tmp_path / "register.csv", tmp_path / "towns"
    register.write(source, 600, towns=TOWNS)
    towns.mkdir()
    strings = pyarrow.csv.ConvertOptions(strings_can_be_null=False)
    table = pyarrow.csv.read_csv(source, convert_options=strings)
    for number in range(1, TOWNS + 1):
        town = f"示范{number}镇"
        pyarrow.csv.write_csv(table.filter(pyarrow.compute.equal(table["乡镇"], town)), towns / f"{town}.csv")
    alone = json.loads(screen("--input", str(source), "--out", str(tmp_path / "alone"), "--json").stdout)
    words = [
        "--out",
        str(tmp_path / "shared"),
        "--scheduler",
        scheduler,
        "--what-if",
        "di_shouru.multiple=2",
        "--json",
    ]
    shared = json.loads(screen("--towns-dir", str(towns), *words).stdout)
    assert shared["processes"] == 2
    for name in (
        "households",
        "persons",
        "schemes",
        "missing",
        "cards",
        "birthdays",
        "towns",
        "likely_households",
    ):
        assert shared[name] == alone[name]
    assert shared["what_if"]["schemes"]
    rows = [
        sorted(map(str, pyarrow.parquet.read_table(tmp_path / out / "results.parquet").to_pylist()))
        for out in ("alone", "shared")
    ]
    assert rows[0] == rows[1]


def test_one_file_is_spread_over_the_workers_too(tmp_path: Path, scheduler: str) -> None:
    source = tmp_path / "register.csv"
    register.write(source, 200)
    told = json.loads(
        screen(
            "--input", str(source), "--out", str(tmp_path / "out"), "--scheduler", scheduler, "--json"
        ).stdout
    )
    assert told["households"] == 200


def test_a_scheduler_that_is_not_there_is_said(tmp_path: Path) -> None:
    source = tmp_path / "register.csv"
    register.write(source, 20)
    address = f"tcp://127.0.0.1:{free_port()}"
    done = screen("--input", str(source), "--out", str(tmp_path / "out"), "--scheduler", address, code=1)
    assert address in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
