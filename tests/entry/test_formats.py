"""docs/formats.md says what happens: each format is tried anew and the page compared."""

from docs import formats


def test_the_table_of_formats_is_what_happens() -> None:
    page = formats.PAGE.read_text("utf-8")
    assert formats.laid(page) == page
    assert page.count("heard") > 40
