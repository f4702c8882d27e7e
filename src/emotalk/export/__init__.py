"""Finished animations as files, the kind chosen by the suffix."""

from emotalk.export.formats import SUFFIXES, check_place, save

__all__ = ["SUFFIXES", "check_place", "save"]
