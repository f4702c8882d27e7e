"""The tables of the model card: each lies between `<!-- NAME -->` and `<!-- end of NAME -->`."""

from pathlib import Path

CARD = Path(__file__).parents[1] / "docs" / "model-card.md"


def put(made: str, name: str, card: Path = CARD) -> None:
    """Put a table in place of the one of this name. Raises ValueError where the card has none."""
    mark, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, rest = card.read_text().split(mark)
    card.write_text(f"{before}{mark}\n\n{made}\n\n{end}{rest.split(end)[1]}")
