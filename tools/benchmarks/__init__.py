"""What a learner waits for, measured: `python -m tools.benchmarks`."""
