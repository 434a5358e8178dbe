"""How fast the store imports: wall and processor time, peak memory, and that a second import adds nothing.

    python benchmarks/import_speed.py [measurements.parquet …]

imports two million synthetic rows, after the files that are named. Each import runs in a process of its own, whose
peak memory is that of the import.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

#: Names as real tables have them: mostly of the catalog, some that it does not know.
MODELS = ("resnet50", "bert-base-uncased", "vit_base_patch16_224", "gpt2", "t5-small", "Llama-3.2-1B-Instruct-Q4_K_M",
          "whisper-tiny", "efficientnet_b0", "swin_tiny_patch4_window7_224", "in-house-net")  # fmt: skip
DEVICES = (
    ("cuda", "NVIDIA A100-SXM4-80GB"),
    ("cuda", "Tesla T4"),
    ("cuda", "NVIDIA GeForce RTX 4090"),
    ("cpu", "Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz"),
    ("rocm", "AMD Instinct MI300X"),
    ("mps", "Apple M2 Ultra"),
    ("openvino", "Intel Core i7-8700"),
    ("qnn", "Snapdragon 8 Elite QRD"),
)


def synthetic(path: Path, rows: int) -> None:
    """Write distinct rows in the schema: 1,000 model names, 400 device names, every other column filled."""
    models = ", ".join(f"'{name}'" for name in MODELS)
    devices = ", ".join(f"{{h: '{hardware}', d: '{device}'}}" for hardware, device in DEVICES)
    with duckdb.connect(config={"memory_limit": "500MB"}) as connection:
        connection.execute(
            f"""copy (
              with names as (select [{models}] as models, [{devices}] as devices)
              select 'synthetic' as "table", 'lab ' || (i % 20) as source,
                'run-' || (i // 1000) || '.json' as source_path,
                '2026-01-' || lpad((1 + i % 28)::VARCHAR, 2, '0') as measured,
                models[1 + i % len(models)] || case when i % 1000 >= 10 then '-v' || (i % 100) else '' end as model,
                'vision' as model_family, 25e6 + i % 1000 as parameters, 4.1 as gmacs, 11.1 as activations_m,
                '224' as input_size, null::INTEGER as sequence_length,
                devices[1 + i % len(devices)].h as hardware,
                devices[1 + i % len(devices)].d || case when i % 400 >= 8 then ' (board ' || (i % 50) || ')' else '' end
                  as device, 1 as n_devices, ['fp16', 'fp32', 'int8'][1 + i % 3] as precision, 'nchw' as layout,
                'pytorch-eager' as runtime, '2.' || (i % 9) as runtime_version, 'inference' as mode,
                2 ** (i % 9) as batch_size, 100 + i / 7.0 as throughput,
                2 ** (i % 9) * 1000 / (100 + i / 7.0) as latency_ms,
                1000 + i % 5000 as memory_mb, 'image' as item, 'seed ' || i as note
              from range({rows}) t(i), names) to '{path}' (format parquet)"""
        )


def measure(database: Path, given: Path) -> dict[str, object]:
    """Import a file in this process; what it took."""
    from hwpredict.store import BenchmarkStore

    started, cpu = time.perf_counter(), time.process_time()
    with BenchmarkStore(database) as store:
        report = store.import_file(given)
        total = store.count()
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "read": report.read,
        "added": report.added,
        "rejected": report.rejected,
        "total": total,
        "seconds": time.perf_counter() - started,
        "processor": time.process_time() - cpu,
        "peak_mb": usage / (1e6 if sys.platform == "darwin" else 1e3),
        "file_mb": database.stat().st_size / 1e6,
    }


def in_a_process(database: Path, given: Path) -> dict[str, object]:
    """As :func:`measure`, in a new process."""
    command = [sys.executable, __file__, "--measure", str(database), str(given)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="files to import before the synthetic rows")
    parser.add_argument("--rows", type=int, default=2_000_000, help="synthetic rows")
    parser.add_argument("--measure", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure)))
        return
    print(f"{'file':<28}{'rows':>10}{'added':>10}{'wall s':>9}{'CPU s':>8}{'peak MB':>9}{'file MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "synthetic.parquet"
        synthetic(made, arguments.rows)
        for given in (*arguments.files, made):
            database = Path(folder) / f"{given.stem}.duckdb"
            for again in ("", " again"):
                r = in_a_process(database, given)
                print(
                    f"{(given.name + again)[:27]:<28}{r['read']:>10,}{r['added']:>10,}{r['seconds']:>9.1f}"
                    f"{r['processor']:>8.1f}{r['peak_mb']:>9,.0f}{r['file_mb']:>9.1f}",
                    flush=True,
                )
                if again and r["added"]:
                    sys.exit("the second import added rows")


if __name__ == "__main__":
    main()
