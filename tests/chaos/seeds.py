"""The seeds that CI plays: one of each queue, and those that have found a defect.

A campaign's script is drawn from its seed, but processes are not: a seed raises the odds of what it found, no more.
So a defect that is understood also gets a test of its own beside the code that had it; the line here says where.
"""

KEPT: dict[str, tuple[int, ...]] = {"sqlite": (1,), "kafka": (1,)}
