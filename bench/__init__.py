"""Benchmarks: ratios to a named peer, in one process."""
