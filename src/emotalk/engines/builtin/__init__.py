"""The built-in engine, the default: a small network in the package itself. See CARD.md."""

from emotalk.engines.builtin.engine import BuiltinEngine

__all__ = ["BuiltinEngine"]
