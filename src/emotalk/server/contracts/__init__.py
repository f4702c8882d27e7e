"""The contracts that the port speaks, a file each."""
