"""Markdown."""


def table(names, rows, right=()):
    marks = ["---:" if index in right else "---" for index in range(len(names))]
    lines = [names, marks, *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def spread(values, digits=0):
    """Median, lowest and highest."""
    if not values:
        return ""
    ordered = sorted(values)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    text = f"{middle:,.{digits}f}"
    return text if len(ordered) == 1 else f"{text} ({ordered[0]:,.{digits}f}-{ordered[-1]:,.{digits}f})"
