"""The composition root: one file a program; the only place that names concrete classes."""
