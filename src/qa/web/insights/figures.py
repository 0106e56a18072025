"""Counts → plotly figures. Pure: the same look as the page, light or dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

HEIGHT = 300
"""Pixels; fixed, so that nothing moves when a figure arrives."""

_FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Microsoft YaHei", '
    '"Noto Sans CJK SC", "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans CJK KR", sans-serif'
)
_LONGEST_LABEL = 18
"""Characters of a name beside a bar; a Latin letter counts half."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a theme; see theme.css."""

    ink: str
    quiet: str
    line: str
    sheet: str
    series: tuple[str, ...]


LIGHT = Palette(
    "#18222c", "#55616d", "#e3e8ed", "#ffffff", ("#0b5a82", "#6aa7c6", "#c0592d", "#8793a0")
)
DARK = Palette(
    "#e4eaf0", "#a0adb9", "#2f3b46", "#19222b", ("#7fc4e8", "#3f7c9c", "#e0855a", "#74818d")
)


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one colour, with the name that the legend shows."""

    name: str
    values: Sequence[float]
    colour: int


def stacked(
    title: str, labels: Sequence[str], series: Sequence[Series], palette: Palette, unit: str
) -> go.Figure:
    """Columns on top of each other, one a label in the order given.

    Args:
        title: stands above.
        labels: days as ISO dates, or other labels.
        series: from the bottom upwards; each as many values as labels.
        palette: the colours.
        unit: what is counted, shown beside a column that is pointed at.
    """
    figure = _figure(title, palette)
    for each in series:
        figure.add_bar(
            x=list(labels),
            y=list(each.values),
            name=each.name,
            marker={"color": palette.series[each.colour], "cornerradius": 2},
            hovertemplate=f"%{{x}}<br>%{{y}} {unit}<extra>{each.name}</extra>",
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.25,
        hovermode="closest",
        showlegend=len(series) > 1,
        # Below: where it takes two lines on a phone, it grows away from the title.
        legend={"orientation": "h", "y": -0.14, "yanchor": "top", "x": 0, "traceorder": "normal"},
    )
    figure.update_yaxes(rangemode="tozero", tickformat=",d", nticks=5)
    if labels and len(labels[0]) == 10 and labels[0][4] == "-":
        # As dates: days without questions have their place, too.
        figure.update_xaxes(type="date", tickformat="%m-%d", nticks=8)
    else:
        figure.update_xaxes(type="category", nticks=11)
    return figure


def ranked(
    title: str, counts: Mapping[str, float], palette: Palette, unit: str, colour: int = 0
) -> go.Figure:
    """Bars with their names before them and their numbers after, the longest on top."""
    figure = _figure(title, palette)
    names = list(counts)
    shown = [_short(name) for name in names]
    figure.add_bar(
        x=list(counts.values()),
        y=list(range(len(names))),
        orientation="h",
        marker={"color": palette.series[colour], "cornerradius": 2},
        text=[f"{value:,}" for value in counts.values()],
        textposition="outside",
        textfont={"color": palette.quiet},
        cliponaxis=False,
        customdata=names,
        hovertemplate=f"%{{customdata}}<br>%{{x}} {unit}<extra></extra>",
    )
    few = max(0, 6 - len(names))  # a single bar must not be as thick as the figure
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=shown,
        range=[len(names) - 0.5 + few, -0.5],
        showgrid=False,
        ticks="",
        automargin=True,
    )
    figure.update_xaxes(visible=False, range=[0, 1.25 * max(counts.values(), default=1)])
    figure.update_layout(bargap=0.35, showlegend=False)
    return figure


def note(title: str, text: str, palette: Palette) -> go.Figure:
    """A figure that says why there is nothing to see."""
    figure = _figure(title, palette)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text=text, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False,
        font={"color": palette.quiet, "size": 14},
    )  # fmt: skip
    return figure


def _figure(title: str, palette: Palette) -> go.Figure:
    axis: dict[str, Any] = {
        "gridcolor": palette.line,
        "zeroline": False,
        "linecolor": palette.line,
        "tickfont": {"color": palette.quiet, "size": 12},
        "fixedrange": True,
        "automargin": True,
    }
    return go.Figure(
        layout={
            "template": "none",
            "title": {
                "text": title,
                "x": 0,
                "xref": "container",
                "xanchor": "left",
                "y": 0.97,
                "yanchor": "top",
                "pad": {"l": 4},
                "font": {"size": 15, "color": palette.ink, "weight": 600},
            },
            "height": HEIGHT,
            "margin": {"l": 8, "r": 8, "t": 48, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": _FONT, "size": 13, "color": palette.ink},
            "xaxis": axis | {"showgrid": False},
            "yaxis": axis,
            "dragmode": False,
            "hoverlabel": {
                "bgcolor": palette.sheet,
                "bordercolor": palette.line,
                "font": {"color": palette.ink, "family": _FONT},
            },
            "modebar": {"remove": ["zoom", "pan", "select", "lasso", "zoomin", "zoomout"]},
        }
    )


def _short(name: str) -> str:
    """A name cut to what fits before a bar."""
    room = float(_LONGEST_LABEL)
    for position, letter in enumerate(name):
        room -= 1 if ord(letter) > 0x2E7F else 0.55
        if room < 0:
            return name[:position].rstrip() + "…"
    return name
