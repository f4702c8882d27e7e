"""Which partitions a worker holds, how far it has come, and what waits before it."""
