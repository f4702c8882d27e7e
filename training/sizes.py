"""What the window's network and the streaming one have in common: sizes, reaches, levels. Free of torch."""

import math

WIDTH, HEADS, CONFORMERS, BANDS = 144, 4, 4, 80
"""Of the recogniser."""
REACH = 15
"""Rows before and after one, of a recogniser's convolution."""
INNER, HIDDEN = 128, 192
BLOCKS = ((1, 1), (1, 1), (2, 1), (2, 1), (4, 1), (4, 0), (8, 0), (1, 1), (2, 0))
"""Of our own network: dilation, and how many of the two other rows lie in the future."""

USUAL_POWER, QUIETEST = 0.2, 1e-7
"""Level that all is brought to (root mean square of the frames' power); what is quieter is raised no further."""
FLOOR = math.log(1e-10)
USUAL_LOG, SPREAD = -4.0, 3.0

PAST = 40
"""Rows before a chunk that its attention sees: where the streaming network differs, from here on."""
SILENT, HEARD = 1e-20, 1e-9
"""The least power there is; under this one a frame is digital silence, and does not count for the level."""
LEVEL_FRAMES, LEVEL_PRIOR = 150.0, 10.0
"""Frames of 10 ms after which a level fades to 1 / e, and as how many the silence before the sound counts."""
MEAN_FRAMES, MEAN_PRIOR = 300.0, 80.0
"""The same for the mean spectrum, which leans to the usual one."""
LOUD = -8.3
"""Loudness, at the usual level, from which on a frame counts for the mean spectrum."""
