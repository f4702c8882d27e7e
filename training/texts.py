"""What the synthetic voices say: sentences of the real corpus, random words, pseudo-words in a language's sounds."""

import csv
import random
import re
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).with_name("SOURCES.tsv")

_CONSONANTS = "p b m t d n l r k g f v s z p b m pr br tr st sp fl pl kr gr".split()
_VOWELS = list("aeiou") * 3
_SPELLINGS: dict[str, tuple[str, str]] = {
    "fr": ("ch j gn qu", "ou eau ai an on in eu u é"), "de": ("sch w pf ch", "ei au eu ü ö ie ä"),
    "es": ("ch ll ñ j rr", "ie ue ai"), "it": ("gn sc ch gl", "ia io"), "pt": ("lh nh ch", "ão ei ou õe"),
    "pl": ("sz cz rz w ł ś ć", "ą ę y"), "cs": ("š č ř ž j h", "á í ou ů"), "sv": ("sj tj h", "å ä ö y"),
    "fi": ("h j", "aa ää ö y uo ie yö"), "tr": ("ş ç c y ğ", "ı ü ö"), "hu": ("sz s cs gy ny", "á é ő ű"),
    "nl": ("g sch w j", "oe ui ij aa eu"), "id": ("ng ny c j w", "ai au"), "ro": ("ș ț j", "ă î ea"),
    "sw": ("mb nd w ch sh", "a"), "da": ("h j", "æ ø å"), "nb": ("kj sk", "ø å ei"), "hr": ("š č ž j", "a"),
    "en": ("sh ch th w wh y j", "oo ee ow ay igh oa ea"),
}  # fmt: skip
_SCRIPTS = {
    "ru": ("пбмтднлркгфвсзшжчхщпбм", "аеиоуыяюё"), "uk": ("пбмтднлркгфвсзшжчхпбм", "аеиоуіяює"),
    "el": ("πμτδνλρκγφβσζχθξψ", "αεηιοω"),
}  # fmt: skip
_KANA = (
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわばびぶべぼぱぴぷぺぽだでど"
)
_PINYIN = "b p m f d t n l g k h zh ch sh r z c s".split(), "a ai an ang ao e en eng ou u".split()
_VIETNAMESE_WORDS = (
    "xin chào các bạn hôm nay trời đẹp quá tôi muốn uống một ly cà phê sữa đá em bé buồn ngủ bố mẹ mua bánh mì bún bò "
    "phở rất ngon không biết làm sao bây giờ được rồi cảm ơn nhiều lắm việt nam mình đi đâu vậy bao nhiêu tiền anh chị "
    "ông bà mưa to gió lớn"
).split()
_VIETNAMESE_ONSETS = [*"b m ph v b m p t th đ d n l r s x ch tr nh kh h g ng c qu gi".split(), ""]
_VIETNAMESE_VOWELS = "aáàảãạ ăắằẳẵặ âấầẩẫậ eéèẻẽẹ êếềểễệ iíìỉĩị oóòỏõọ ôốồổỗộ ơớờởỡợ uúùủũụ ưứừửữự".split()
_PSEUDO_ONSETS, _PSEUDO_CODAS = list("pbmpbmpbmfvfvwtdnlkɡszʃʤʧðθhɹj"), list("pbmtdnlkɡszfvŋɹʃʧ")
_PSEUDO_VOWELS = list("AIOWYiuɪʊɛæɑɔʌəɜ")


def listed(path: Path = SOURCES) -> list[dict[str, str]]:
    """The rows of a list of sources, by the names of its columns."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@cache
def _spoken() -> tuple[list[str], list[str]]:
    """(sentences, words) of the real corpus' English transcripts."""
    lines = [row["transcript"].lower() for row in listed()]
    long = sorted({line for line in lines if len(line.split()) >= 4})
    return long, sorted({word for line in lines for word in re.findall(r"[a-z]{2,}", line)})


def english(draw: random.Random) -> str:
    """A sentence somebody said, or words thrown together, every third of them rich in labials."""
    sentences, words = _spoken()
    if draw.random() < 0.5:
        said = draw.choice(sentences).split()
        start = draw.randrange(max(1, len(said) - 14))
        return " ".join(said[start : start + 15]) + "."
    chosen = [draw.choice(words) for _ in range(draw.randint(4, 12))]
    labial = [w for w in draw.sample(words, 60) if sum(c in "pbmfvw" for c in w) >= 2]
    return " ".join(draw.choice(labial) if labial and draw.random() < 0.35 else w for w in chosen) + draw.choice(".!?")


def vietnamese(draw: random.Random) -> str:
    """Common words and regular syllables."""
    return " ".join(
        draw.choice(_VIETNAMESE_WORDS) if draw.random() < 0.5 else _syllable(draw) for _ in range(draw.randint(5, 13))
    ) + "."  # fmt: skip


def _syllable(draw: random.Random) -> str:
    row = draw.choice(_VIETNAMESE_VOWELS)
    glide = ["i"] if row[0] in "aouư" else ["o"] if row[0] in "ae" else [""]
    return draw.choice(_VIETNAMESE_ONSETS) + draw.choice(row) + draw.choice(["", "n", "m", "ng", "p", "t", "c", *glide])


def pseudo_ipa(draw: random.Random) -> str:
    """English-like pseudo-words in Kokoro's own alphabet, dense with labials."""
    return " ".join(_pseudo_word(draw) for _ in range(draw.randint(4, 10))) + draw.choice("..?!")


def _pseudo_word(draw: random.Random) -> str:
    word, count = "", draw.choice([1, 1, 2, 2, 3])
    for i in range(count):
        vowel = draw.choice(_PSEUDO_VOWELS)
        onset = draw.choice(_PSEUDO_ONSETS) if draw.random() < 0.9 else ""
        coda = draw.choice(_PSEUDO_CODAS) if vowel in "ɛʊʌ" or draw.random() < 0.35 else ""
        word += onset + ("ˈ" if i == count // 2 else "") + vowel + ("ɹ" if vowel == "ɜ" else "") + coda
    return word


def _word(draw: random.Random, consonants: list[str], vowels: list[str]) -> str:
    return "".join(
        (draw.choice(consonants) if draw.random() < 0.9 else "")
        + draw.choice(vowels)
        + (draw.choice("nmrlst") if vowels[0] == "a" and draw.random() < 0.2 else "")
        for _ in range(draw.choice([1, 2, 2, 3, 3]))
    )


def sentence(language: str, draw: random.Random) -> str:
    """A line to read in this language (its espeak-ng name)."""
    code = language.split("/")[-1].split("-")[0].lower()
    if code == "en" and draw.random() < 0.8:
        return english(draw)
    if code == "vi":
        return vietnamese(draw)
    if code == "ja":
        return "".join(draw.choice(_KANA) for _ in range(draw.randint(10, 26))) + "。"
    if code == "cmn":
        return " ".join(draw.choice(_PINYIN[0]) + draw.choice(_PINYIN[1]) + str(draw.randint(1, 4)) for _ in range(9))
    consonants, vowels = _CONSONANTS, _VOWELS
    if code in _SCRIPTS:
        consonants, vowels = list(_SCRIPTS[code][0]), list(_SCRIPTS[code][1])
    elif code in _SPELLINGS:
        consonants, vowels = (a + b.split() * 2 for a, b in zip((consonants, vowels), _SPELLINGS[code], strict=True))
    return " ".join(_word(draw, consonants, vowels) for _ in range(draw.randint(4, 10))) + "."
