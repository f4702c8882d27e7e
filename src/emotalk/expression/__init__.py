"""What a face does beside its mouth, for engines that leave it: brows, lids, cheeks, gaze, by who speaks and how."""

from emotalk.expression.layer import expressed, fingerprint_of, open_face

__all__ = ["expressed", "fingerprint_of", "open_face"]
