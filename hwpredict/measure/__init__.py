"""This machine: what it has (detection) and how fast it really is (benchmarks)."""
