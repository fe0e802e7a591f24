"""The plot of growth, as an SVG on logarithmic axes. White behind it whatever the page's colour is. Nothing is measured here."""

import math
from html import escape

WIDTH, HEIGHT = 960, 470
PANEL = {"left": 70, "top": 60, "width": 360, "height": 330}
GAP = 450

# Colour-blind people can tell these apart (Okabe and Ito), and on paper the dashes.
OURS = (("arm", "#0072b2"), ("re-arm later", "#009e73"), ("re-arm earlier", "#56b4e9"), ("find the next", "#999999"),
        ("expire one", "#d55e00"))


def series(figures, what, operation):
    return [(n, figures[key]) for key in figures if key[:3] == (what, operation, "ns") for n in [key[3]] if figures[key] > 0]


def panels(figures):
    """(title, [(label, colour, dashes, points)])"""
    alone = [(operation, colour, "", series(figures, "set", operation)) for operation, colour in OURS]
    alone += [("heap: expire one", "#d55e00", "6 4", series(figures, "heap", "expire one")),
              ("heap: re-arm earlier", "#56b4e9", "6 4", series(figures, "heap", "re-arm earlier")),
              ("B-tree: re-arm", "#009e73", "2 3", series(figures, "btree", "re-arm later"))]
    whole = [("arm", "#0072b2", "", series(figures, "door", "arm")),
             ("re-arm later", "#009e73", "", series(figures, "door", "re-arm later")),
             ("wait, nothing due", "#999999", "", series(figures, "door", "wait, nothing due")),
             ("expire one", "#d55e00", "", series(figures, "door", "expire one")),
             ("timerfd: arm", "#0072b2", "6 4", series(figures, "timerfd", "arm")),
             ("timerfd: re-arm later", "#009e73", "6 4", series(figures, "timerfd", "re-arm later")),
             ("timerfd: expire one", "#d55e00", "6 4", series(figures, "timerfd", "expire one"))]
    return [("The set alone, beside a heap and a B-tree", alone), ("The whole engine, beside a timerfd each", whole)]


def text(x, y, words, anchor="middle", size=12, colour="#222", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"{more}>{escape(words)}</text>'


def power(exponent):
    return {0: "1", 1: "10", 2: "100", 3: "1,000", 4: "10,000", 5: "100,000", 6: "1,000,000"}.get(exponent, f"10^{exponent}")


def spread(labels, least, low, high):
    """Move labels (y, ...) apart so that none covers another, and keep them inside."""
    labels = sorted(labels)
    placed = []
    for label in labels:
        y = max(label[0], placed[-1][0] + least if placed else low)
        placed.append((y, *label[1:]))
    over = placed[-1][0] - high if placed else 0
    if over > 0:
        placed = [(min(y, high - least * (len(placed) - 1 - i)), *rest) for i, (y, *rest) in enumerate(placed)]
    return placed


def panel(at, title, lines):
    left, top, width, height = at + PANEL["left"], PANEL["top"], PANEL["width"] - 110, PANEL["height"]
    points = [point for *_, line in lines for point in line]
    if not points:
        return []
    x0, x1 = (f(math.log10(n) for n, _ in points) for f in (min, max))
    y0 = math.floor(min(math.log10(max(value, 0.1)) for _, value in points))
    y1 = math.ceil(max(math.log10(value) for _, value in points))

    def place(n, value):
        return left + (math.log10(n) - x0) / ((x1 - x0) or 1) * width, top + (y1 - math.log10(max(value, 0.1))) / (y1 - y0) * height

    made = [text(left + width / 2, top - 18, title, size=14, more=' font-weight="bold"')]
    for exponent in range(y0, y1 + 1):
        _, y = place(10, 10.0**exponent)
        made.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ddd"/>')
        made.append(text(left - 8, y + 4, power(exponent) if exponent >= 0 else f"{10.0**exponent:g}", "end"))
    for exponent in range(math.ceil(x0), math.floor(x1) + 1):
        x, _ = place(10.0**exponent, 1)
        made.append(f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{top + height}" stroke="#ddd"/>')
        made.append(text(x, top + height + 18, {3: "1k", 4: "10k", 5: "100k", 6: "1M"}.get(exponent, power(exponent))))
    made.append(f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#888"/>')
    labels = []
    for label, colour, dashes, line in lines:
        if not line:
            continue
        places = [place(n, value) for n, value in sorted(line)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        made.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>')
        made += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>' for x, y in places]
        labels.append((places[-1][1], label, colour, places[-1]))
    for y, label, colour, (x, end) in spread(labels, 15, top + 6, top + height - 2):
        made.append(f'<line x1="{x + 4:.1f}" y1="{end:.1f}" x2="{x + 12:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="0.8"/>')
        made.append(text(x + 15, y + 4, label, "start", 12, colour))
    return made


def svg(figures):
    """The picture."""
    font = "font-family=\"-apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif\""
    made = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" {font}>',
            "<title>What a deadline costs, by the number of deadlines</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>']
    for i, (title, lines) in enumerate(panels(figures)):
        made += panel(i * GAP, title, lines)
    made.append(text(WIDTH / 2, HEIGHT - 28, "deadlines armed, 10 to 1,000,000, against ns for one operation; both axes logarithmic", size=13))
    made.append(text(WIDTH / 2, HEIGHT - 10, "solid: netdeadline; dashed and dotted: what one would take instead", size=12, colour="#555"))
    return "\n".join([*made, "</svg>", ""])
