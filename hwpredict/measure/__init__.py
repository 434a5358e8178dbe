"""Detection of what this machine has, and benchmarks of how fast it really is."""
