"""Screening on several machines: the parts go to the workers of a Dask scheduler (optional: the extra `cluster`)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager


class NoCluster(Exception):
    """No scheduler can be used; the message says why and the cure (Chinese)."""


@contextmanager
def executor(address: str) -> Iterator[Executor]:
    """The scheduler's workers as an executor. Its workers see the same folders under the same names.

    Raises:
        NoCluster: the extra is not installed, nobody answers, there is no worker, or one breaks down.
    """
    try:
        from distributed import Client
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise NoCluster("没有装多机用的 Dask。请先装：uv sync --extra cluster。") from None
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise NoCluster(
            f"连不上调度器 {address}（{type(error).__name__}）。请核对地址，并先启动 dask scheduler。"
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise NoCluster(f"调度器 {address} 还没有工作进程。请在各台机器上启动 dask worker。")
        try:
            yield client.get_executor(pure=False)
        except (KilledWorker, CommClosedError):
            raise NoCluster(
                "有工作进程半路停了(多半是内存不够，或者网断了)。没有留下半成品。请核对各台机器，再试一次。"
            ) from None
