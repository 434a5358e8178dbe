"""What all accuracy benchmarks share: data, features, comparison with a cache, scores, tables, figures."""
