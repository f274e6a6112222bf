"""`python validation/calibration_figure.py`: draws calibration.svg from calibration.json.

One panel per stored run: ECDF of the ranks minus the uniform one, a line per quantity, over the band of the family.
"""

import json

import numpy as np

import uniformity
from calibration import ARTEFACT

WIDTH, HEIGHT, MARGIN = 320, 180, 36
PANEL = WIDTH + 2 * MARGIN


def draw(runs):
    """The figure as SVG text."""
    panels = [_panel(title, stored, i * PANEL) for i, (title, stored) in enumerate(runs.items())]
    size = f'width="{PANEL * len(runs)}" height="{HEIGHT + 2 * MARGIN}"'
    style = 'font-family="sans-serif" font-size="11" fill="none" stroke-width="1"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n' + "\n".join(panels) + "\n</svg>\n"


def _panel(title, stored, left):
    n, n_draws, quantities = stored["replications"], stored["draws"], stored["quantities"]
    # Ranks are stored in 20 bins: the ECDF is known at their upper ends, where the band is read off too.
    ends = np.arange(1, uniformity.BINS) * (n_draws + 1) // uniformity.BINS
    share = np.concatenate([[0.0], ends / (n_draws + 1), [1.0]])
    lowest, highest = (edge[ends - 1] - share[1:-1] for edge in uniformity.band(n, n_draws, len(quantities)))
    top = 1.2 * max(np.abs(lowest).max(), highest.max())

    def path(values):
        x = left + MARGIN + WIDTH * share
        y = MARGIN + HEIGHT / 2 * (1 - np.concatenate([[0.0], values, [0.0]]) / top)
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))

    band = f'<polygon points="{path(highest)} {" ".join(reversed(path(lowest).split()))}" fill="#dde6ee"/>'
    ecdfs = [np.cumsum(q["ranks_in_20_bins"])[:-1] / n - share[1:-1] for q in quantities.values()]
    lines = [f'<polyline points="{path(ecdf)}" stroke="#1f4e79" stroke-opacity="0.45"/>' for ecdf in ecdfs]
    words = f"{title}: {n} replications, {len(quantities)} quantities"
    labels = [
        f'<text x="{left + MARGIN}" y="{MARGIN - 12}" fill="#222">{words}</text>',
        f'<text x="{left + MARGIN}" y="{HEIGHT + MARGIN + 18}" fill="#222">rank of the truth, 0 to 1</text>',
        *(
            f'<text x="{left + MARGIN - 4}" y="{y}" text-anchor="end" fill="#222">{value:+.2f}</text>'
            for y, value in ((MARGIN + 8, top), (HEIGHT + MARGIN, -top))
        ),
    ]
    frame = f'<rect x="{left + MARGIN}" y="{MARGIN}" width="{WIDTH}" height="{HEIGHT}" stroke="#888"/>'
    return "\n".join([band, *lines, frame, *labels])


def main():
    runs = json.loads(ARTEFACT.read_text(encoding="utf-8"))
    ARTEFACT.with_suffix(".svg").write_text(draw(runs), encoding="utf-8")


if __name__ == "__main__":
    main()
