"""Kill imports at random moments with SIGKILL: what remains must be sound and hold only whole imports.

    python benchmarks/import_crash.py [--imports 50] [--rows 20000]

Each import is a process that adds a file of its own to one store. A few are let through, the others killed at a moment
drawn from the time that an import lately took from when the store was open. After each, the store is opened, checked,
and its rows per file counted: all or none.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from hwpredict.store import BenchmarkStore

CHILD = """
import sys
from hwpredict.store import BenchmarkStore
with BenchmarkStore(sys.argv[1], wait=30) as store:
    print("open", flush=True)
    store.import_file(sys.argv[2])
"""


def write(path: Path, number: int, rows: int) -> None:
    """A file of distinct rows, some of which are rejected."""
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select 'file {number}' as source, 'model ' || (i % 50) as model, "
            "case when i % 1000 = 0 then 'abacus' else 'cpu' end as hardware, 'board ' || (i % 7) as device, "
            "1 + i % 64 as batch_size, 1.0 + i as latency_ms "
            f"from range({rows}) t(i)) to '{path}' (format parquet)"
        )


def attempt(database: Path, given: Path, seconds: float | None) -> float | None:
    """Import in a process, killed so many seconds after the store is open; how long it took, None if it was killed."""
    command = [sys.executable, "-c", CHILD, str(database), str(given)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        started = time.perf_counter()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        took = time.perf_counter() - started
        process.kill()
    return took if process.returncode == 0 else None


def inspect(database: Path, files: int, rows: int) -> tuple[set[int], list[str]]:
    """Numbers of the files that are whole, and what is wrong."""
    kept = rows - len(range(0, rows, 1000))
    with BenchmarkStore(database) as store:
        wrong = store.problems()
        counts = dict(store._run("select source, count(*) from measurements group by all"))
        runs, rejected = store._run("select count(*), sum(rows_rejected) from runs")[0]
        in_rejects = store._run("select coalesce(sum(replicates), 0) from rejects")[0][0]
    for name, count in counts.items():
        if count != kept:
            wrong.append(f"{name} has {count} of {kept} rows")
    if runs != len(counts) or (rejected or 0) != in_rejects:
        wrong.append(f"{runs} runs and {rejected} rejects for {len(counts)} files and {in_rejects} rejected rows")
    return {n for n in range(files) if f"file {n}" in counts}, wrong


def campaign(folder: Path, imports: int, rows: int, seed: int) -> dict[str, int]:
    """Run the imports; raises when the store is ever unsound."""
    rng = random.Random(seed)
    database, present = folder / "store.duckdb", set[int]()
    write(folder / "first.parquet", 0, rows)
    took = [attempt(database, folder / "first.parquet", None)]
    if took[0] is None:
        raise RuntimeError("the first import, which nobody killed, failed")
    killed = survived = 0
    for number in range(1, imports):
        given = folder / f"{number}.parquet"
        write(given, number, rows)
        usual = statistics.median([seconds for seconds in took if seconds is not None][-3:])
        took.append(attempt(database, given, rng.uniform(0, 1.2 * usual) if number % 10 else None))
        finished = took[-1] is not None
        if not finished and number % 10 == 0:
            raise RuntimeError(f"import {number}, which nobody killed, failed")
        present_now, wrong = inspect(database, imports, rows)
        if wrong:
            raise RuntimeError(f"after import {number}: {'; '.join(wrong)}")
        if finished and number not in present_now:
            raise RuntimeError(f"import {number} ended well and is not there")
        if not present_now >= present:
            raise RuntimeError(f"imports {sorted(present - present_now)} are lost")
        present = present_now
        killed, survived = killed + (not finished), survived + (not finished and number in present)
    return {"imports": imports, "killed": killed, "whole": len(present), "killed after they were written": survived}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imports", type=int, default=50)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = campaign(Path(folder), arguments.imports, arguments.rows, arguments.seed)
    print(", ".join(f"{name}: {count}" for name, count in found.items()))
    print("sound after every one; only whole imports")


if __name__ == "__main__":
    main()
