"""Everything that wants a GPU, checked and measured by one command: `python -m benchmarks.gpu` (benchmarks/README.md).

Made for a machine that is at hand for minutes: bare, without a network, with other releases than the pinned ones.
"""
