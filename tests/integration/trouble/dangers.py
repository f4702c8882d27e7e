"""Person ids and what speaking as them does. Of its own: whoever imports sitecustomize.py is in danger."""

CRASHES, IS_KILLED, HANGS, DAWDLES = 20, 21, 22, 23
"""A segfault in native code, what the out-of-memory killer does, a window that never ends, a slow one."""
