"""What a mouth does for each phone: thirteen ARKit shapes in 0..1.

Chosen by hand with filmed people beside them (docs/decisions/0033): lips part most at AA, AE and EH, little at spread
IY and IH, and hardly where they round. Rounding is mouthPucker with mouthClose, which brings the lips together
over an open jaw; of mouthFunnel, which opens them, there is little. `SIL` is a mouth about to speak; one at rest is 0.
"""

import numpy as np
from numpy.typing import NDArray

PHONES = tuple(
    "SIL P B M F V TH DH T D N NG L LD K G S Z SH ZH CH JH R W Y H IY IH EY EH AE AA AH AO OW UH UW ER YU".split()
)
PHONE = {name: i for i, name in enumerate(PHONES)}
"""LD is a dark l, YU the French u."""

SHAPES = (
    "jawOpen",
    "mouthClose",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthPress",
    "mouthLowerDown",
    "mouthUpperUp",
    "tongueOut",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretch",
    "mouthSmile",
    "mouthDimple",
)
"""The last five are those of rounding and spreading, which move more slowly."""
SHAPE = {name: i for i, name in enumerate(SHAPES)}

_POSES = {
    "SIL": "jawOpen .22 mouthLowerDown .14 mouthUpperUp .08 mouthStretch .06",
    "P B": "jawOpen .12 mouthClose .12 mouthPucker .18",
    "M": "jawOpen .12 mouthClose .12",
    "F V": "jawOpen .12 mouthClose .10 mouthRollLower .4 mouthUpperUp .1",
    "TH DH": "jawOpen .15 mouthLowerDown .19 mouthUpperUp .08 mouthStretch .08 tongueOut .35",
    "T D N": "jawOpen .13 mouthLowerDown .18 mouthUpperUp .09 mouthStretch .16",
    "L": "jawOpen .18 mouthLowerDown .15 mouthUpperUp .07 mouthStretch .06 tongueOut .08",
    "LD": "jawOpen .15 mouthLowerDown .15 mouthUpperUp .05",
    "K G NG": "jawOpen .18 mouthLowerDown .16 mouthUpperUp .08 mouthStretch .06",
    "S Z": "jawOpen .10 mouthLowerDown .30 mouthUpperUp .20 mouthStretch .18 mouthSmile .08",
    "SH ZH CH JH": "jawOpen .12 mouthClose .06 mouthFunnel .12 mouthPucker .2 mouthLowerDown .2 mouthUpperUp .15",
    "R": "jawOpen .15 mouthClose .10 mouthFunnel .10 mouthPucker .24 mouthLowerDown .2 mouthUpperUp .05",
    "W": "jawOpen .13 mouthClose .11 mouthFunnel .10 mouthPucker .95",
    "Y": "jawOpen .17 mouthLowerDown .12 mouthUpperUp .07 mouthStretch .06 mouthSmile .05",
    "H": "jawOpen .28 mouthLowerDown .12 mouthUpperUp .04 mouthStretch .22 mouthSmile .1",
    "IY": "jawOpen .18 mouthUpperUp .04 mouthStretch .2 mouthSmile .12 mouthDimple .1",
    "IH": "jawOpen .18 mouthStretch .26 mouthSmile .14",
    "EY": "jawOpen .32 mouthLowerDown .12 mouthUpperUp .06 mouthStretch .3 mouthSmile .2",
    "EH": "jawOpen .36 mouthLowerDown .12 mouthUpperUp .06 mouthStretch .28 mouthSmile .14",
    "AE": "jawOpen .50 mouthLowerDown .40 mouthUpperUp .1 mouthStretch .35 mouthSmile .2",
    "AA": "jawOpen .56 mouthLowerDown .46 mouthUpperUp .05 mouthStretch .1",
    "AH": "jawOpen .30 mouthLowerDown .1 mouthStretch .06",
    "AO": "jawOpen .42 mouthClose .26 mouthFunnel .10 mouthPucker .75 mouthLowerDown .44",
    "OW": "jawOpen .27 mouthClose .13 mouthFunnel .15 mouthPucker .36 mouthLowerDown .1",
    "UH": "jawOpen .22 mouthClose .10 mouthFunnel .12 mouthPucker .5 mouthLowerDown .14",
    "UW YU": "jawOpen .16 mouthClose .10 mouthFunnel .12 mouthPucker .56 mouthLowerDown .14",
    "ER": "jawOpen .20 mouthClose .07 mouthFunnel .10 mouthPucker .15 mouthLowerDown .12",
}


def _make_table() -> NDArray[np.float32]:
    poses = np.zeros((len(PHONES), len(SHAPES)), np.float32)
    for names, text in _POSES.items():
        words = text.split()
        for name in names.split():
            poses[PHONE[name], [SHAPE[word] for word in words[::2]]] = [float(word) for word in words[1::2]]
    return poses


POSES: NDArray[np.float32] = _make_table()
"""float32 [39, 13]."""
POSES.setflags(write=False)
