from __future__ import annotations

from rnaernie_bench.core import theme


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_is_legible_on_both_backgrounds() -> None:
    for colours in (theme.LIGHT, theme.DARK):
        assert contrast(colours["ink"], colours["paper"]) > 7
        assert contrast(colours["muted"], colours["paper"]) > 4.5


def test_every_colour_has_a_light_and_a_dark_value() -> None:
    assert set(theme.LIGHT) == set(theme.DARK)
    assert "--ink:light-dark(#1F2328,#E6EDF3);" in theme.css_variables()


def test_only_styles_are_given_variables() -> None:
    svg = '<path style="fill: #1f2328; stroke: #123456"/><text>#1f2328</text>'
    assert theme.use_variables(svg) == (
        '<path style="fill: var(--ink); stroke: #123456"/><text>#1f2328</text>'
    )
