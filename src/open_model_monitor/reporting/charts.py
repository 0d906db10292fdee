"""Small charts as SVG that scales with its place, takes its colours from the page, and says in words what it shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

Bucket = tuple[float, float, float]  # lower bound, upper bound, count
WIDTH, HEIGHT, PAD, LEFT = 480.0, 170.0, 12.0, 58.0
MOST_CATEGORIES = 15


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One value over time: None where there is none; `label` tells it, `bad` marks it, `link` leads on."""

    value: float | None
    label: str
    bad: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a value is drawn: `low` at `start`, `high` at `end`, in between in proportion."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    @classmethod
    def of(cls, values: Sequence[float], start: float, end: float) -> Scale:
        """Return one that holds all values with some room; from zero on unless that would flatten them."""
        low, high = min(values), max(values)
        low = 0.0 if 0 <= low <= high / 2 else low
        room = 0.08 * ((high - low) or abs(high) or 1.0)
        return cls(low - (room if low else 0.0), high + room, start, end)


def trend(
    points: Sequence[TrendPoint],
    *,
    limit: float | None = None,
    title: str,
    height: float = 160,
    least: float | None = None,
    most: float | None = None,
) -> Markup:
    """Return values over time, oldest first, with their threshold drawn, and intervals where they are known.

    The axis reaches at least from `least` to `most`.
    """
    shown = [(place, one, one.value) for place, one in enumerate(points) if _is_finite(one.value)]
    if not shown:
        return Markup('<p class="quiet">No values yet.</p>')
    ends = [v for _, one, v in shown for v in (v, one.low, one.high) if v is not None and math.isfinite(v)]
    held = [value for value in (limit, least, most) if value is not None]
    up = Scale.of([*ends, *held], height - PAD, PAD)
    if most is not None and max(ends) <= most:  # a share has no room above all
        up = replace(up, high=most)
    margin = (WIDTH - LEFT) / 2 if len(points) == 1 else 8.0  # a single value stands in the middle
    along = Scale(0, max(1, len(points) - 1), LEFT + margin, WIDTH - PAD - 8)
    parts = [_axis(up)]
    if limit is not None:
        parts.append(_line("limit", LEFT, up(limit), WIDTH - PAD, up(limit), f"threshold {_short(limit)}"))
    for place, one, _ in shown:
        if one.low is not None and one.high is not None:
            parts.append(_line("interval", along(place), up(one.low), along(place), up(one.high)))
    path = " ".join(f"{along(place):.1f},{up(value or 0):.1f}" for place, _, value in shown)
    parts.append(f'<polyline class="line" points="{path}"/>')
    for place, one, value in shown:
        at = f'cx="{along(place):.1f}" cy="{up(value or 0):.1f}"'
        told = f"<title>{escape(one.label)}</title>"
        parts.append(f'<circle class="{"dot bad" if one.bad else "dot"}" {at} r="3">{told}</circle>')
    return _svg(parts, height, title)


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def against(measured: float, limit: float) -> Markup:
    """Return a measured value as a bar, and its limit as a mark across it."""
    scale = Scale(0, max(measured, limit, 1e-12) * 1.1, 0, 200)
    kind = "over" if measured > limit else "under"
    bar = f'<rect class="{kind}" x="0" y="4" width="{scale(measured):.1f}" height="8" rx="3"/>'
    mark = _line("limit", scale(limit), 0, scale(limit), 16)
    told = f"{_short(measured)} against a limit of {_short(limit)}"
    box = f'viewBox="0 0 200 16" role="img" aria-label="{told}"'
    return Markup(f'<svg class="chart against" {box}>{bar}{mark}</svg>')  # noqa: S704 — numbers only


def histogram(current: Sequence[Bucket], baseline: Sequence[Bucket], *, title: str) -> Markup:
    """Return two distributions of numbers as shares per width over one axis."""
    bounds = [edge for low, high, _ in (*current, *baseline) for edge in (low, high) if math.isfinite(edge)]
    if not bounds:
        return Markup('<p class="quiet">There is no distribution.</p>')
    left, right = min(bounds), max(bounds)
    width = (right - left) or abs(right) or 1.0
    old, new = _densities(baseline, width), _densities(current, width)
    top = max([d for *_, d in (*old, *new)] or [1.0]) or 1.0
    x = Scale(left, left + width, PAD, WIDTH - PAD)
    room = HEIGHT - 2 * PAD - 14
    parts = []
    for kind, name, bars in (("old", "baseline", old), ("new", "now", new)):
        for low, high, part, density in bars:
            wide = max(2.0, x(high) - x(low) - 1)
            tall = density / top * room
            told = f"{name}: {_percent(part)} from {_short(low)} to {_short(high)}"
            parts.append(
                f'<rect class="bar {kind}" x="{x(low):.1f}" y="{PAD + room - tall:.1f}" width="{wide:.1f}" '
                f'height="{tall:.1f}"><title>{told}</title></rect>'
            )
    parts.append(_line("axis", PAD, PAD + room, WIDTH - PAD, PAD + room))
    parts.append(
        _text(PAD, HEIGHT - 6, _short(left), "start") + _text(WIDTH - PAD, HEIGHT - 6, _short(right), "end")
    )
    return _svg(parts, HEIGHT, title)


def _densities(buckets: Sequence[Bucket], width: float) -> list[tuple[float, float, float, float]]:
    total = sum(count for *_, count in buckets) or 1.0
    least = width / 100  # a bucket of one value still has a width to be seen
    return [
        (low, high, count / total, count / total / max(high - low, least)) for low, high, count in buckets
    ]


def categories(current: Mapping[str, float], baseline: Mapping[str, float], *, title: str) -> Markup:
    """Return the shares of the most frequent values, now and in the baseline, one row each."""
    old, new = _shares(baseline), _shares(current)
    names = sorted({*old, *new}, key=lambda name: (-max(old.get(name, 0), new.get(name, 0)), name))
    if not names:
        return Markup('<p class="quiet">There is no distribution.</p>')
    rest = len(names) - MOST_CATEGORIES
    names = names[:MOST_CATEGORIES]
    top = max(max(old.get(n, 0), new.get(n, 0)) for n in names) or 1.0
    row, label = 30.0, 130.0
    room = WIDTH - label - 64
    parts = []
    for place, name in enumerate(names):
        at = PAD + place * row
        parts.append(_text(label - 8, at + 15, _cut(name), "end", name))
        for kind, shares, shift in (("old", old, 2.0), ("new", new, 13.0)):
            part = shares.get(name, 0.0)
            told = f"{'baseline' if kind == 'old' else 'now'}: {_percent(part)}"
            parts.append(
                f'<rect class="bar {kind}" x="{label}" y="{at + shift:.1f}" width="{max(1.0, part / top * room):.1f}" '
                f'height="10"><title>{told}</title></rect>'
            )
        parts.append(_text(WIDTH - 4, at + 16, _percent(new.get(name, 0.0)), "end"))
    if rest > 0:
        parts.append(_text(label, PAD + len(names) * row + 12, f"and {rest:,} more values", "start"))
    return _svg(parts, PAD * 2 + row * len(names) + (16 if rest > 0 else 0), title)


def _shares(counts: Mapping[str, float]) -> dict[str, float]:
    total = sum(counts.values()) or 1.0
    return {name: count / total for name, count in counts.items()}


def curve(
    xs: Sequence[float], ys: Sequence[float], *, x: str, y: str, title: str, diagonal: bool = False
) -> Markup:
    """Return a curve within the unit square."""
    side, left = 300.0, 44.0
    at, up = Scale(0, 1, left, side - PAD), Scale(0, 1, side - left, PAD)
    path = " ".join(f"{at(a):.1f},{up(b):.1f}" for a, b in zip(xs, ys, strict=False))
    parts = [
        f'<rect class="frame" x="{left}" y="{PAD}" width="{side - left - PAD}" height="{side - left - PAD}"/>'
    ]
    if diagonal:
        parts.append(_line("limit", at(0), up(0), at(1), up(1)))
    parts.append(f'<polyline class="line" points="{path}"/>')
    parts.append(_text(at(0.5), side - 8, x, "middle"))
    parts.append(
        f'<text transform="translate(14 {up(0.5):.0f}) rotate(-90)" text-anchor="middle">{escape(y)}</text>'
    )
    return _svg(parts, side, title, width=side)


# ------------------------------------------------------------ pieces


def _svg(parts: Iterable[str], height: float, title: str, width: float = WIDTH) -> Markup:
    box = f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}"'
    return Markup(f'<svg class="chart" {box}>{"".join(parts)}</svg>')  # noqa: S704 — every text in it is escaped


def _axis(up: Scale) -> str:
    return "".join(
        _line("axis", LEFT, up(mark), WIDTH - PAD, up(mark))
        + _text(LEFT - 6, up(mark) + 4, _short(mark), "end")
        for mark in round_marks(up.low, up.high)
    )


def round_marks(low: float, high: float) -> list[float]:
    """Return two to five round numbers between two others: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 3
    unit = 10 ** math.floor(math.log10(rough))
    step = unit * next(times for times in (1, 2, 5, 10) if times * unit >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [place * step for place in range(first, last + 1)] or [low, high]


def _line(kind: str, x1: float, y1: float, x2: float, y2: float, told: str = "") -> str:
    title = f"<title>{escape(told)}</title>" if told else ""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}">{title}</line>'


def _text(x: float, y: float, text: str, anchor: str, told: str = "") -> str:
    title = f"<title>{escape(told)}</title>" if told else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}{title}</text>'


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1e4 or abs(value) >= 1e7 else f"{value:,.0f}"


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"


def _cut(text: str, length: int = 14) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
