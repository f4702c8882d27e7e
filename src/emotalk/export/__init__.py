"""Finished animations as files, the kind chosen by the suffix; and back."""

from emotalk.export.formats import SUFFIXES, check_place, save
from emotalk.export.reading import READABLE, load

__all__ = ["READABLE", "SUFFIXES", "check_place", "load", "save"]
