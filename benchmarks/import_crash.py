"""Kill imports at random moments with SIGKILL: what remains must be sound and hold only whole imports.

    python benchmarks/import_crash.py [--imports 50] [--rows 20000]

Each import is a process that adds a file of its own to one store. A third or so of them are let through, the others
killed at a moment drawn from the time that an import takes. After each, the store is opened, checked, and its rows per
file counted: all or none.
"""

from __future__ import annotations

import argparse
import random
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


def attempt(database: Path, given: Path, seconds: float | None) -> bool:
    """Import in a process, killed after so many seconds from when the store is open; whether it was let through."""
    command = [sys.executable, "-c", CHILD, str(database), str(given)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        if seconds is not None:
            time.sleep(seconds)
            process.kill()
    return process.returncode == 0


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
    started = time.perf_counter()
    if not attempt(database, folder / "first.parquet", None):
        raise RuntimeError("the first import, which nobody killed, failed")
    usual = time.perf_counter() - started
    killed = survived = 0
    for number in range(1, imports):
        given = folder / f"{number}.parquet"
        write(given, number, rows)
        finished = attempt(database, given, rng.uniform(0, 1.3 * usual) if rng.random() < 0.9 else None)
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
