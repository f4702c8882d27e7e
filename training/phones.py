"""The 39 phone classes, and how the symbols of every source map to them.

A segment is (start s, end s, class); `MASK` is a stretch whose label is unsure and that no loss may see.
"""

import unicodedata

from emotalk.engines.builtin.poses import PHONES

Segment = tuple[float, float, str]

CLASSES = list(PHONES)
CLASS = {name: i for i, name in enumerate(CLASSES)}
MASK = "MASK"
VOWELS = frozenset("IY IH EY EH AE AA AH AO OW UH UW ER YU".split())

_IPA_OF_CLASS = {
    "IY": "i", "IH": "ɪᵻɨɯ", "EY": "e", "EH": "ɛε", "AE": "æ", "AA": "aɑä", "AH": "ɐʌəɤɘᵊ", "ER": "ɜɚɝ", "AO": "ɔɒ",
    "OW": "o", "UH": "ʊɵ", "UW": "uʉ", "YU": "yʏøœ", "P": "p", "B": "bɓβ", "M": "mɱ", "F": "fɸ", "V": "vʋ", "TH": "θ",
    "DH": "ð", "T": "tʈ", "D": "dɗɖɾrT", "N": "nɳɲ", "NG": "ŋ", "L": "lɭʎɬ", "LD": "ɫ", "K": "kxqχc", "G": "gɡɣʁɟɰʀ",
    "S": "s", "Z": "z", "SH": "ʃɕʂç", "ZH": "ʒʑʐʝ", "CH": "ʧ", "JH": "ʤ", "R": "ɹɽɻ", "W": "wʍɥ", "Y": "j", "H": "hɦʔħ",
}  # fmt: skip
IPA = {symbol: name for name, symbols in _IPA_OF_CLASS.items() for symbol in symbols}
_NASAL_VOWELS = {"ã": "AA", "õ": "OW", "ĩ": "IY", "ũ": "UW", "ẽ": "EY"}

# Kokoro's and hibari's capitals are diphthongs.
DIPHTHONGS = {
    "A": ("EY", "IY"),
    "I": ("AA", "IH"),
    "O": ("OW", "UW"),
    "Q": ("OW", "UW"),
    "W": ("AA", "UH"),
    "Y": ("AO", "IY"),
}
_ARPABET = {
    "AW": ("AA", "UH"),
    "AY": ("AA", "IH"),
    "OY": ("AO", "IY"),
    "EY": ("EY", "IY"),
    "OW": ("OW", "UW"),
    "HH": ("H",),
}


def spread(start: float, end: float, names: tuple[str, ...] | list[str]) -> list[Segment]:
    """One symbol's time shared out between its classes; the first of a diphthong gets a little more than half."""
    if len(names) == 2:
        middle = start + (end - start) * (0.55 if names[0] in VOWELS else 0.4)
        return [(start, middle, names[0]), (middle, end, names[1])]
    step = (end - start) / len(names)
    return [(start + i * step, start + (i + 1) * step, name) for i, name in enumerate(names)]


def of_espeak(symbol: str) -> list[str] | None:
    """Classes of one espeak-ng phoneme; None: it belongs to the one before."""
    if not symbol or symbol[0] == "(":
        return ["SIL"]
    table = IPA | _NASAL_VOWELS
    names = [table[c] for c in unicodedata.normalize("NFC", symbol) if c in table]
    if len(symbol) > 1 and names and names[0] in "PTK" and symbol[1] in "hʰ":
        return names[:1]
    if len(names) == 2 and names[0] in "TD" and names[1] in ("SH", "ZH"):
        return ["CH" if names[0] == "T" else "JH"]
    return names or None


def of_arpabet(start: float, end: float, phone: str) -> list[Segment]:
    """Segments of one aligned ARPAbet phone; noise and doubtful stretches are masked."""
    if phone in ("NSN", "UNK"):
        return [(start, end, MASK)]
    return spread(start, end, _ARPABET.get(phone, (phone,)))


def with_dark_l(segments: list[Segment]) -> list[Segment]:
    """English l that no vowel follows is dark: it does not spread the lips."""
    after = [name for _, _, name in segments[1:]] + ["SIL"]
    return [
        (start, end, "LD" if name == "L" and follower not in VOWELS else name)
        for (start, end, name), follower in zip(segments, after, strict=True)
    ]
