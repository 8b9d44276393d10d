"""The chart: a bar for each row, against a line where its budget is just met."""

from collections.abc import Sequence
from html import escape
from math import log2

from bench.outcome import Outcome

_LABELS, _BARS, _HEIGHT, _TOP = 380, 420, 26, 80
_LEAST, _MOST = -2.0, 3.0  # from a quarter of the budget to eight times
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'
_MET, _MISSED = "#2f855a", "#c53030"


def chart(outcomes: Sequence[Outcome], title: str) -> str:
    """An SVG; its scale doubles from line to line, so that twice as good looks alike anywhere."""
    judged = [(one, one.score) for one in outcomes]
    rows = [(one, score) for one, score in judged if score is not None]
    width, height = _LABELS + _BARS + 90, _TOP + _HEIGHT * len(rows) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {_FONT}>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        '<text x="12" y="22" font-size="15" font-weight="600">How far within its budget</text>',
        f'<text x="12" y="42" fill="#666">{escape(title)}</text>',
    ]
    for power in range(int(_LEAST), int(_MOST) + 1):
        x, budget = _x(2.0**power), power == 0
        parts.append(
            f'<line x1="{x:.0f}" y1="{_TOP - 6}" x2="{x:.0f}" y2="{height - 14}"'
            f' stroke="{"#333" if budget else "#ddd"}"/>'
            f'<text x="{x:.0f}" y="{_TOP - 10}" text-anchor="middle" fill="#666">'
            f"{'budget' if budget else f'{2.0**power:g} ×'}</text>"
        )
    for number, (one, score) in enumerate(rows):
        parts.append(_bar(one.work, score, _TOP + _HEIGHT * number))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(work: str, score: float, y: int) -> str:
    start, end = sorted((_x(1), _x(score)))
    middle = y + _HEIGHT / 2 + 4
    return (
        f'<text x="{_LABELS - 10}" y="{middle}" text-anchor="end">{escape(work)}</text>'
        f'<rect x="{start:.0f}" y="{y + 5}" width="{max(end - start, 2):.0f}"'
        f' height="{_HEIGHT - 10}" fill="{_MET if score >= 1 else _MISSED}"/>'
        f'<text x="{max(end, _x(1)) + 6:.0f}" y="{middle}">{score:.2f} ×</text>'
    )


def _x(score: float) -> float:
    power = min(max(log2(score), _LEAST), _MOST)
    return _LABELS + _BARS * (power - _LEAST) / (_MOST - _LEAST)
