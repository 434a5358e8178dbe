"""Figures that others published, or that were measured with their tools, on the same tables; quoted, not run here.

Each row: who, what they report, where.
"""

from __future__ import annotations

from harness.results import markdown

#: Scored here again from the predictions that the authors published, where ``llm_pilot.py`` is given them.
LLM_PILOT = (
    ("LLM-Pilot (XGBoost)", "success 80 %, overspend 19.9 %, S/O .801", "Łazuka et al., SC'24"),
    ("best static policy", "S/O .651", "Łazuka et al., SC'24"),
    ("PARIS", "S/O .616", "Łazuka et al., SC'24"),
    ("Selecta", "S/O .532", "Łazuka et al., SC'24"),
    ("PerfNetV2", "S/O .462", "Łazuka et al., SC'24"),
    ("PerfNet, RF", "S/O .429 each", "Łazuka et al., SC'24"),
    ("Morphling", "S/O .167", "Łazuka et al., SC'24"),
)
AICONFIGURATOR = (
    (
        "aiconfigurator 0.12 (its own profiles of these very systems)",
        "TPOT MdAPE 16.8 %, MAPE 25.4 %; TTFT MdAPE 52.4 %, MAPE 55.8 %; 22 % of requests refused; no interval",
        "replay of 700 of the table's rows, 549 of them answered",
    ),
)
NEUSIGHT = (
    (
        "NeuSight",
        "MAPE 10.0 %, MdAPE 8.1 % (H100 7.6, MI ≈ 11, L4 12.6, T4 18.5, P4 27.1)",
        "its summary.csv, 146 rows",
    ),
    ("roofline", "MAPE 31.4 %", "its summary.csv, 80 NVIDIA rows"),
    ("Li et al.", "MAPE 60.3 %", "its summary.csv, 80 NVIDIA rows"),
    ("Habitat", "MAPE 385 %", "its summary.csv, 80 NVIDIA rows"),
)
HELP = (
    (
        "HELP, 10 samples",
        "mean Spearman .932: GPU .987, CPU .989, Pixel 2 .802, Raspberry Pi .890, ASIC .940, FPGA .985",
        "Lee et al., NeurIPS 2021",
    ),
    ("FLOPs alone", "mean Spearman .787", "Lee et al., NeurIPS 2021"),
)


def quoted(rows: tuple[tuple[str, str, str], ...]) -> str:
    """The figures as a Markdown table."""
    return markdown(["published", "figures", "source"], rows)
