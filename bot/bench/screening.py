"""`jzt screen` over a made-up register: seconds, memory, and the ratios to the single path in a loop and to pandas."""

from __future__ import annotations

import importlib.util
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.csv

from bot.bench import register
from policies_kb.loader import load_pack
from policies_kb.pack import Pack
from policies_kb.rules.assess import Assessment
from policies_kb.screening.columns import Singles
from policies_kb.screening.engine import screen
from policies_kb.screening.rows import ROW, RegisterReader
from policies_kb.screening.words import read_headers

STEPS = 5
_TODAY = date(2026, 3, 5)
_SAMPLE = 2_000
_AT_ONCE = 15_000
_EVERY = 0.05


class BenchFailed(Exception):
    """A command that is measured ended badly; the message carries its last words."""


def measure(
    pack_name: str,
    packs_dir: Path | None,
    households: int,
    workers: int,
    work: Path,
    done: Callable[[], None],
) -> dict[str, Any]:
    """Figures of one register of `households` in the folder `work`; `done` is called after each of STEPS steps.

    Raises:
        BenchFailed: a measured command ended badly.
    """
    path = work / "register.csv"
    rows = register.write(path, households, today=_TODAY)
    done()
    command = [
        sys.executable, "-m", "bot", "screen", "--input", str(path), "--out", str(work / "out"), "--pack", pack_name,
        "--today", _TODAY.isoformat(), "--workers", str(workers),
    ]  # fmt: skip
    ours = _run(command)
    report = json.loads((work / "out" / "report.json").read_text(encoding="utf-8"))
    done()
    pack = load_pack(pack_name, packs_dir)
    engine = _engine(pack, path)
    done()
    found: dict[str, Any] = {
        "pack": pack_name,
        "schemes": len(pack.schemes),
        "households": households,
        "persons": rows,
        "register_mib": round(path.stat().st_size / 2**20),
        "workers": workers,
        "screen": {**ours, "households_per_second": round(households / ours["seconds"])},
        "singly": report["singly"],
        "engine": engine,
        "ratio_to_loop": round(engine["columns_per_second"] / engine["loop_per_second"]),
    }
    plain = work / "plain.csv"
    found["loop_would_take_s"] = round(households / engine["loop_per_second"])
    if importlib.util.find_spec("pandas") is not None and pack_name == "shifan-xian":
        theirs = _run([sys.executable, "-m", "bot.bench.screening_pandas", str(path), str(plain)])
        told = json.loads(theirs.pop("said"))
        ours_likely = {row["scheme"]: row["likely"] for row in report["schemes"]}
        found["pandas"] = {
            **theirs,
            **{name: told[name] for name in ("read_s", "judge_s", "write_s")},
            "likely": {
                scheme: {"pandas": count, "ours": ours_likely[scheme]}
                for scheme, count in told["likely"].items()
            },
        }
        found["ratio_to_pandas"] = round(theirs["seconds"] / ours["seconds"], 2)
        found["ratio_to_pandas_cpu"] = round(theirs["cpu_seconds"] / ours["cpu_seconds"], 2)
    done()
    found["screen"].pop("said")
    done()
    return found


def _run(command: Sequence[str]) -> dict[str, Any]:
    """Seconds, processor seconds and peak memory (all its processes together, MiB) of a command, and what it said."""
    began, spent = time.perf_counter(), _processor()
    with subprocess.Popen(  # noqa: S603 - our own module
        list(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        tree, peak = psutil.Process(process.pid), 0
        while process.poll() is None:
            peak = max(peak, _resident(tree))
            time.sleep(_EVERY)
        seconds = time.perf_counter() - began
        said, wrong = process.communicate()
    if process.returncode != 0:
        raise BenchFailed(f"{' '.join(command[1:4])}: {wrong[-500:]}")
    return {
        "seconds": round(seconds, 1), "cpu_seconds": round(_processor() - spent, 1), "peak_mib": round(peak / 2**20), "said": said,
    }  # fmt: skip


def _processor() -> float:
    """Processor seconds of ended child processes, theirs included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resident(tree: psutil.Process) -> int:
    total = 0
    try:
        for each in (tree, *tree.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.NoSuchProcess:
        return total
    return total


def _engine(pack: Pack, path: Path) -> dict[str, Any]:
    """Households a second of one core's time: by columns, and by the single path in a loop over a sample of the same."""
    reader = pyarrow.csv.open_csv(
        path, convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(register.HEADERS, pa.string()), strings_can_be_null=False
        ),
    )  # fmt: skip
    batch = reader.read_next_batch()
    table = pa.Table.from_batches([batch]).slice(0, int(_AT_ONCE * 2.6))
    table = table.append_column(ROW, pa.array(np.arange(2, table.num_rows + 2)))
    headers = read_headers(pack, register.HEADERS)
    chunk = RegisterReader(pack, headers, _TODAY, np.zeros(0, np.int64)).read(table).chunk
    screen(pack, chunk, _TODAY)
    began = time.process_time()
    screen(pack, chunk, _TODAY)
    columns = chunk.size / (time.process_time() - began)
    singles = Singles(pack.facts, chunk)
    sample = [singles.facts(at) for at in range(min(_SAMPLE, chunk.size))]
    began = time.process_time()
    for facts in sample:
        assessment = Assessment(pack, facts, _TODAY)
        for scheme in pack.schemes:
            assessment.missing(assessment.verdict(scheme))
    loop = len(sample) / (time.process_time() - began)
    return {"columns_per_second": round(columns), "loop_per_second": round(loop), "loop_sample": len(sample)}
