"""What a face does beside its mouth: brows, lids, cheeks, gaze and the turn of the head, by who speaks and how.

Why so: docs/decisions/0034.
"""

from emotalk.expression.feeling import Emotions
from emotalk.expression.layer import ExpressedSession, express, fingerprint_of, open_face
from emotalk.expression.life import LIDS_AHEAD

__all__ = ["LIDS_AHEAD", "Emotions", "ExpressedSession", "express", "fingerprint_of", "open_face"]
