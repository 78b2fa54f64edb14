"""Plain SVG. Its colours are readable on white and on black paper alike."""

import math
from html import escape

COLOURS = ["#3b82f6", "#d97706", "#10b981", "#a855f7", "#ef4444", "#0891b2", "#84a30f", "#ec4899"]
OURS, OTHER = COLOURS[:2]
INK = "#7d8590"
GRID = "#7d859040"


class Picture:
    def __init__(self, width, height):
        self.width, self.height, self.parts = width, height, []

    def text(self, x, y, text, anchor="start", size=12, weight="normal"):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">{escape(str(text))}</text>')

    def rect(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" fill="{colour}"/>')

    def line(self, x1, y1, x2, y2, colour=GRID, width=1.0):
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>')

    def curve(self, points, colour):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')

    def legend(self, x, y, names, colours):
        for name, colour in zip(names, colours):
            self.rect(x, y - 9, 10, 10, colour)
            self.text(x + 15, y, name)
            x += 32 + 6.6 * len(name)

    def save(self, path):
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" font-family="system-ui, sans-serif" fill="{INK}">\n' + "\n".join(self.parts) + "\n</svg>\n")


def steps(top):
    """Round numbers from 0 to just above the top."""
    size = 10 ** math.floor(math.log10(top / 4)) if top > 0 else 1
    size *= next(factor for factor in (1, 2, 5, 10) if top / (size * factor) <= 5)
    return [size * index for index in range(math.ceil(top / size) + 1)]


def amount(value):
    return f"{value:,.0f}" if value >= 20 or value == int(value) else f"{value:.1f}"


def bars(path, title, rows):
    """Rows are (group, name, median, lowest, highest); a whisker from the lowest to the highest."""
    groups = list(dict.fromkeys(row[0] for row in rows))
    left, right, top, bar = 150, 240, 38, 17
    height = top + len(rows) * bar + len(groups) * 12 + 30
    picture = Picture(860, height)
    marks = steps(max(row[4] for row in rows))
    scale = (picture.width - left - right) / marks[-1]
    picture.text(8, 20, title, size=14, weight="bold")
    for mark in marks:
        picture.line(left + mark * scale, top - 4, left + mark * scale, height - 26)
        picture.text(left + mark * scale, height - 10, amount(mark), "middle", 11)
    y = top
    for group in groups:
        members = [row for row in rows if row[0] == group]
        picture.text(left - 8, y + len(members) * bar / 2 + 4, group, "end")
        for _, name, median, low, high in members:
            picture.rect(left, y, median * scale, bar - 3, OURS if name.startswith("Candlepost") else OTHER)
            middle = y + (bar - 3) / 2
            picture.line(left + low * scale, middle, left + high * scale, middle, INK, 2)
            picture.text(left + high * scale + 6, y + bar - 5, f"{amount(median)}  {name}", size=11)
            y += bar
        y += 12
    picture.save(path)


def stacks(path, title, rows):
    """Rows are (label, {part: value})."""
    parts = list(dict.fromkeys(part for _, values in rows for part in values))
    left, right, top, bar = 220, 60, 62, 26
    height = top + len(rows) * bar + 34
    picture = Picture(860, height)
    marks = steps(max(sum(values.values()) for _, values in rows))
    scale = (picture.width - left - right) / marks[-1]
    picture.text(8, 20, title, size=14, weight="bold")
    picture.legend(8, 44, parts, COLOURS)
    for mark in marks:
        picture.line(left + mark * scale, top - 4, left + mark * scale, height - 26)
        picture.text(left + mark * scale, height - 10, amount(mark), "middle", 11)
    for index, (label, values) in enumerate(rows):
        y, x = top + index * bar, left
        picture.text(left - 8, y + 15, label, "end")
        for part, colour in zip(parts, COLOURS):
            picture.rect(x, y, values.get(part, 0) * scale, bar - 6, colour)
            x += values.get(part, 0) * scale
        picture.text(x + 6, y + 15, amount(sum(values.values())), size=11)
    picture.save(path)


class Axis:
    """Maps values to places; logarithmic where told."""

    def __init__(self, low, high, start, end, logarithmic=False):
        self.change = math.log10 if logarithmic else float
        self.low, self.high, self.start, self.end = self.change(low), self.change(high), start, end

    def __call__(self, value):
        return self.start + (self.change(value) - self.low) / ((self.high - self.low) or 1) * (self.end - self.start)


def panels(path, title, x_marks, groups, logarithmic=True, x_title="", width=860):
    """Curves of several panels side by side with one y axis. Groups are (name, {series: [(x, y)]}); x_marks are (x, label)."""
    series = sorted(dict.fromkeys(name for _, curves in groups for name in curves), key=lambda name: name != "Candlepost")
    values = [y for _, curves in groups for points in curves.values() for _, y in points]
    picture = Picture(width, 340)
    picture.text(8, 20, title, size=14, weight="bold")
    picture.legend(8, 44, series, COLOURS)
    if logarithmic:
        low, high = 10 ** math.floor(math.log10(max(min(values), 0.01))), 10 ** math.ceil(math.log10(max(values)))
        marks = [10 ** power for power in range(round(math.log10(low)), round(math.log10(high)) + 1)]
    else:
        marks = steps(max(values))
        low, high = marks[0], marks[-1]
    place_y = Axis(low, high, 290, 84, logarithmic)
    left, gap = 56, 22
    each = (width - left - 16) / len(groups)
    for mark in marks:
        picture.text(left - 8, place_y(mark) + 4, f"{mark:,g}", "end", 11)
    for index, (name, curves) in enumerate(groups):
        start, end = left + index * each, left + (index + 1) * each - gap
        place_x = Axis(x_marks[0][0], x_marks[-1][0], start, end)
        picture.text((start + end) / 2, 72, name, "middle", 12, "bold")
        for mark in marks:
            picture.line(start, place_y(mark), end, place_y(mark))
        for x, label in x_marks:
            picture.line(place_x(x), 84, place_x(x), 290)
            picture.text(place_x(x), 306, label, "middle", 10 if len(groups) > 2 else 11)
        for order, label in enumerate(series):
            if label in curves:
                picture.curve([(place_x(x), place_y(max(y, low))) for x, y in curves[label]], COLOURS[order])
    picture.text(width / 2, 330, x_title, "middle", 11)
    picture.save(path)
