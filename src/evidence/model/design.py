"""Rows and latents -> arrays whose shapes depend on the base alone (docs/model.md, section 5).

What is observed of one technique in one *place* (a proxy setting, a target with findings, or the target in use) is a
*cell*; places that share family and gaps are one *node* of the kernel. Cells touch few of the *columns* (group levels
kappa, then shared effects), so their loadings are lists of slots, and every sum over cells is a gather with a fixed
index: memory and time grow with the number of findings, not with its product with the number of columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.domain.records import EvidenceBase
from evidence.model.rows import ASKED, Collected, Latent, Row, collect

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

COMPARATOR, BELIEF = -1, -2
"""`row_finding` of a comparator's row and of a registered merit."""


@dataclass(frozen=True)
class Design:
    """The findings of a base as arrays.

    N rows, J cells of at most R rows and W slots, G nodes, K groups, B columns, T techniques, Q queries a technique,
    O latents, P places: settings, then other targets with findings, then the target in use.

    Columns are, in order: one level kappa per group, one level per place with rows (optimism and the part of merit
    that all techniques share), one allegiance per study with flagged findings, one implementation noise per (study,
    technique, place) met more than once, and the shared part of merit at the target in use. Index N, J and B stand
    for "none".
    """

    base: EvidenceBase
    """The records these arrays were made from."""
    techniques: tuple[str, ...]
    settings: tuple[str, ...]
    findings: tuple[str, ...]
    target_places: tuple[str, ...]
    """Targets with findings of their own."""
    assumed: tuple[str, ...]
    """Names of the assumed-n coordinates."""

    row_finding: Ints
    """(N + 1,) finding of a technique's row, COMPARATOR or BELIEF."""
    row_group: Ints
    """(N + 1,) K for none."""
    row_y: Floats
    row_log_var_lo: Floats
    row_log_var_hi: Floats
    row_assumed: Ints
    """Which assumed-n coordinate scales the row's variance; `len(assumed)` for none."""
    row_own_noise: Floats
    """How many implementation noises belong to this row alone (0, 1, or 2 for a single row)."""
    row_merit_sd: Floats
    """s of a registered merit, 0 elsewhere."""

    cell_rows: Ints
    """(J, R)"""
    cell_place: Ints
    cell_has_effect: Floats
    """(J,) 0 for the baseline, whose effect is 0."""
    cell_columns: Ints
    """(J, W)"""
    cell_loadings: Floats
    """(J, R, W)"""
    pair_of_columns: Ints
    """(B, B) number of a pair of columns that meet in a cell; the number of pairs for none."""
    pair_slots: Ints
    """(pairs, n) where in J x W x W; J W W for none."""
    column_slots: Ints
    """(B, n) where in J x W; J W for none."""

    node_places: Ints
    """(G,) one place of each node; the last is the target in use."""
    node_cells: Ints
    """(T - 1, G, n)"""
    entry_columns: Ints
    """(G, E, n) columns that cells of some technique touch in a node, those touched alike as one entry; B for none."""
    entry_slots: Ints
    """(T - 1, G, E, n) where in J x W; J W for none."""
    place_node: Ints
    """(P,) node of a place; G - 1 where it has none (a setting without findings)."""

    group_precision: Floats
    """Prior precision of each group's level: 0 (flat) for contrasts, 1/100 for arms."""
    level_places: Ints
    """Places with a level, the target in use last."""
    n_allegiance: int
    n_repeated: int

    query_places: Ints
    """(T - 1, Q) where each technique is asked about: the target in use first, then places of latents."""
    query_cells: Ints
    """(T - 1, Q) cell of the technique there, J for none."""
    latent_is_sign: NDArray[np.bool_]
    latent_node_a: Ints
    latent_node_c: Ints
    """Flat index into (T - 1) x Q of the technique's and the comparator's query; -1 for the baseline or none."""
    latent_columns: Floats
    """(O, B) loadings on the columns."""
    latent_group: Ints
    """Group whose level an arm latent carries; K for none."""
    latent_own_noise: Floats
    latent_threshold: Floats
    latent_signs: Floats
    """(O, findings): log-odds each finding adds for "latent above threshold"."""
    latent_belief: Floats
    """(O,) log-odds that registered orders add."""
    latent_cells: Floats
    """(O, 2) successes and failures of a small-count latent."""
    latent_findings: NDArray[np.bool_]
    """(O, findings): which findings a latent belongs to."""

    @property
    def n_latents(self) -> int:
        """Number of sampled latents O."""
        return len(self.latent_node_a)

    @property
    def n_columns(self) -> int:
        """Number of columns B."""
        return len(self.column_slots)

    @property
    def latent_select(self) -> Floats:
        """(O, T - 1, Q): +1 at the query of a latent's technique, -1 at its comparator's."""
        n_techniques, width = self.query_places.shape
        select = np.zeros((self.n_latents, n_techniques * width))
        for node, sign in ((self.latent_node_a, 1.0), (self.latent_node_c, -1.0)):
            met = np.flatnonzero(node >= 0)
            select[met, node[met]] += sign
        return select.reshape(self.n_latents, n_techniques, width)


def build_design(base: EvidenceBase) -> Design:
    """The arrays of a base. Needs no model: priors, gaps and validity are `Hyper`'s business."""
    collected = collect(base)
    names = _Names(base, collected)
    finding = {f.id: i for i, f in enumerate(base.findings)}
    cells = _Cells(collected.rows, names)
    assumed = tuple(sorted({r.assumed for r in collected.rows if r.assumed is not None}))
    return Design(
        base=base,
        techniques=tuple(names.technique),
        settings=tuple(s.id for s in base.settings),
        findings=tuple(finding),
        target_places=names.target_places,
        assumed=assumed,
        **_row_arrays(collected, names, finding, assumed),
        **cells.arrays(),
        **_node_arrays(cells, names),
        group_precision=_floats(collected.groups),
        level_places=_ints(names.level),
        n_allegiance=len(names.study),
        n_repeated=len(names.noise),
        **_latent_arrays(collected.latents, cells, names, finding, len(collected.groups)),
    )


class _Names:
    """Where each technique, place, node and column stands."""

    def __init__(self, base: EvidenceBase, collected: Collected) -> None:
        rows, latents = collected.rows, collected.latents
        targets = {t.id for t in base.question.targets}
        met = dict.fromkeys(x.place for x in (*rows, *latents))
        self.target_places = tuple(p for p in met if p in targets)
        self.technique = {t.id: i for i, t in enumerate(base.techniques)}
        settings = [s.id for s in base.settings]
        self.place = {p: i for i, p in enumerate([*settings, *self.target_places, ASKED])}
        self.node = _nodes(base, [p for p in self.place if p in met and p != ASKED])
        self.node[ASKED] = len(set(self.node.values()))
        self.n_groups = len(collected.groups)
        # Columns: groups, levels, allegiances, repeated noises, then the shared part at the target in use.
        self.level = {self.place[p]: self.n_groups + i for i, p in enumerate(p for p in self.node if p != ASKED)}
        start = self.n_groups + len(self.level)
        flagged = sorted({r.study for r in rows if r.own} | {x.study for x in latents if x.own})
        self.study = {s: start + i for i, s in enumerate(flagged)}
        start += len(self.study)
        self.noise = {key: start + i for i, key in enumerate(_repeated_noise(rows, latents))}
        self.n_columns = start + len(self.noise) + 1
        self.level[self.place[ASKED]] = self.n_columns - 1

    def columns_of_row(self, row: Row) -> dict[int, float]:
        """Loadings of a row on the columns, zeros left out."""
        found = {row.group: 1.0} if row.group >= 0 else {}
        found |= self._columns_of_arm(row.technique, row.place, row.study, row.own)
        if row.against is not None and (row.study, row.against, row.place) in self.noise:
            found[self.noise[row.study, row.against, row.place]] = -1.0
        return found

    def columns_of_latent(self, latent: Latent) -> dict[int, float]:
        """Loadings of a latent on the columns, zeros left out."""
        if latent.is_sign:
            # Between two techniques the place's level cancels; against the baseline it stays.
            sign = float(self.technique[latent.technique] > 0) - float(self.technique[latent.comparator or ""] > 0)
            return {self.level[self.place[latent.place]]: sign} if sign else {}
        return {latent.group: 1.0} | self._columns_of_arm(latent.technique, latent.place, latent.study, latent.own)

    def _columns_of_arm(self, technique: str, place: str, study: str, own: float) -> dict[int, float]:
        found: dict[int, float] = {}
        if self.technique[technique] > 0:
            found[self.level[self.place[place]]] = 1.0
        if own:
            found[self.study[study]] = own
        if (study, technique, place) in self.noise:
            found[self.noise[study, technique, place]] = 1.0
        return found

    def own_noises(self, row: Row) -> float:
        """How many implementation noises of a row no other row shares."""
        if row.merit_sd:
            return 0.0
        parts = [row.technique] + ([] if row.against is None else [row.against])
        return float(sum((row.study, t, row.place) not in self.noise for t in parts))


def _nodes(base: EvidenceBase, places: Sequence[str]) -> dict[str, int]:
    """Node of each place: settings alike in family and gaps share one, a target has its own."""
    settings = {s.id: s for s in base.settings}
    keys: dict[object, int] = {}
    node: dict[str, int] = {}
    for place in places:
        setting = settings.get(place)
        key = place if setting is None else (setting.family, tuple(sorted(setting.gaps.items())))
        node[place] = keys.setdefault(key, len(keys))
    return node


def _repeated_noise(rows: list[Row], latents: list[Latent]) -> list[tuple[str, str, str]]:
    met = Counter((r.study, r.technique, r.place) for r in rows if not r.merit_sd)
    met += Counter((r.study, r.against, r.place) for r in rows if r.against is not None)
    met += Counter((x.study, x.technique, x.place) for x in latents if not x.is_sign)
    return sorted(key for key, times in met.items() if times > 1)


def _row_arrays(
    collected: Collected, names: _Names, finding: dict[str, int], assumed: tuple[str, ...]
) -> dict[str, Any]:
    rows = collected.rows
    coordinate = {name: i for i, name in enumerate(assumed)} | {None: len(assumed)}
    belief = [BELIEF if r.merit_sd else COMPARATOR for r in rows]
    return {
        "row_finding": _ints([*(b if r.finding is None else finding[r.finding] for r, b in zip(rows, belief, strict=True)), COMPARATOR]),
        "row_group": _ints([*(names.n_groups if r.group < 0 else r.group for r in rows), names.n_groups]),
        "row_y": _floats([*(r.y for r in rows), 0.0]),
        "row_log_var_lo": _floats([*(r.log_var[0] for r in rows), 0.0]),
        "row_log_var_hi": _floats([*(r.log_var[1] for r in rows), 0.0]),
        "row_assumed": _ints([*(coordinate[r.assumed] for r in rows), len(assumed)]),
        "row_own_noise": _floats([*(names.own_noises(r) for r in rows), 0.0]),
        "row_merit_sd": _floats([*(r.merit_sd for r in rows), 0.0]),
    }  # fmt: skip


class _Cells:
    """Rows by technique and place, with the columns they touch."""

    def __init__(self, rows: list[Row], names: _Names) -> None:
        self.names = names
        self.rows: list[list[int]] = []
        self.index: dict[tuple[int, str], int] = {}
        self.technique: list[int] = []
        self.place: list[int] = []
        for i, row in enumerate(rows):
            t = names.technique[row.technique]
            # The baseline has no effect to share: each of its rows stands alone.
            j = len(self.rows) if t == 0 else self.index.setdefault((t, row.place), len(self.rows))
            if j == len(self.rows):
                self.rows.append([])
                self.technique.append(t)
                self.place.append(names.place[row.place])
            self.rows[j].append(i)
        self.loadings = [names.columns_of_row(r) for r in rows]
        self.columns = [sorted({c for i in members for c in self.loadings[i]}) for members in self.rows]
        self.n_rows = len(rows)
        self.width = max((len(c) for c in self.columns), default=1) or 1

    def slots(self) -> Ints:
        """(J, W) column of each slot."""
        columns = np.full((len(self.rows), self.width), self.names.n_columns, dtype=np.int64)
        for j, touched in enumerate(self.columns):
            columns[j, : len(touched)] = touched
        return columns

    def row_loadings(self) -> Floats:
        """(J, R, W) loading of each row on each slot's column."""
        loadings = np.zeros((len(self.rows), max((1, *(len(r) for r in self.rows))), self.width))
        for j, (members, touched) in enumerate(zip(self.rows, self.columns, strict=True)):
            for k, i in enumerate(members):
                for w, c in enumerate(touched):
                    loadings[j, k, w] = self.loadings[i].get(c, 0.0)
        return loadings

    def arrays(self) -> dict[str, Any]:
        n, width = len(self.rows), self.width
        rows = _padded([_ints(r) for r in self.rows], self.n_rows)
        columns = self.slots()
        pairs, pair_slots = _pair_slots(columns, self.names.n_columns)
        return {
            "cell_rows": rows,
            "cell_place": _ints(self.place),
            "cell_has_effect": (_ints(self.technique) > 0).astype(float),
            "cell_columns": columns,
            "cell_loadings": self.row_loadings(),
            "pair_of_columns": pairs,
            "pair_slots": pair_slots,
            "column_slots": _gathered(columns.ravel(), self.names.n_columns, fill=n * width),
        }


def _pair_slots(columns: Ints, n_columns: int) -> tuple[Ints, Ints]:
    """Which columns meet in a cell (pair numbers, symmetric), and where their products stand in J x W x W."""
    n, width = columns.shape
    a, b = np.broadcast_arrays(columns[:, :, None], columns[:, None, :])
    flat = np.flatnonzero((a < n_columns) & (b < n_columns) & (a <= b))
    keys, which = np.unique(a.ravel()[flat] * n_columns + b.ravel()[flat], return_inverse=True)
    slots = _gathered(which, len(keys), fill=n * width * width, values=flat)
    pairs = np.full((n_columns, n_columns), len(keys), dtype=np.int64)
    pairs[keys // n_columns, keys % n_columns] = np.arange(len(keys))
    return np.minimum(pairs, pairs.T), slots


def _node_arrays(cells: _Cells, names: _Names) -> dict[str, Any]:
    n_techniques, n_nodes = len(names.technique) - 1, names.node[ASKED] + 1
    place_node = np.full(len(names.place), n_nodes - 1, dtype=np.int64)
    for place, node in names.node.items():
        place_node[names.place[place]] = node
    representative = {node: names.place[place] for place, node in names.node.items()}
    t, node = _ints(cells.technique), place_node[_ints(cells.place)]
    own = np.flatnonzero(t > 0)
    columns = cells.slots()[own]
    real = columns < names.n_columns
    # A column belongs to one node in most cases: allegiance is what several nodes share.
    touched = (node[own][:, None] * names.n_columns + columns)[real]
    slot = np.arange(len(cells.rows) * cells.width).reshape(-1, cells.width)[own][real]
    keys, entry = np.unique(touched, return_inverse=True)
    alike = _alike(entry, slot, cells.row_loadings())
    first = np.unique(alike)
    of_node = _gathered(keys[first] // names.n_columns, n_nodes, fill=len(first))
    width = of_node.shape[1]
    where = np.zeros(len(keys) + 1, dtype=np.int64)
    where[np.append(first, len(keys))[of_node.ravel()]] = np.arange(of_node.size)
    of_technique = np.broadcast_to(t[own][:, None] - 1, columns.shape)[real]
    is_first = alike[entry] == entry
    slots = _gathered(
        (of_technique * of_node.size + where[entry])[is_first], n_techniques * of_node.size,
        fill=len(cells.rows) * cells.width, values=slot[is_first],
    )  # fmt: skip
    members = _gathered(np.searchsorted(first, alike), len(first) + 1, fill=len(keys))
    column_of = np.append(keys % max(names.n_columns, 1), names.n_columns)
    key = (t[own] - 1) * n_nodes + node[own]
    node_cells = _gathered(key, n_techniques * n_nodes, fill=len(cells.rows), values=own)
    return {
        "node_places": _ints([representative[i] for i in range(n_nodes)]),
        "node_cells": node_cells.reshape(n_techniques, n_nodes, -1),
        "entry_columns": column_of[members[of_node]],
        "entry_slots": slots.reshape(n_techniques, n_nodes, width, slots.shape[1]),
        "place_node": place_node,
    }


def _alike(entry: Ints, slot: Ints, loadings: Floats) -> Ints:
    """For each entry (a column at a node) the first one that the same cells load alike, often itself.

    The level of a study with a setting of its own stands and falls with that setting's: what is summed for one serves
    both, which makes a literature of leaderboards several times cheaper.
    """
    n_cells, n_rows, width = loadings.shape
    order = np.lexsort((slot, entry))
    bounds = np.flatnonzero(np.diff(entry[order], prepend=-1))
    by_cell = loadings.transpose(0, 2, 1).reshape(n_cells * width, n_rows)
    seen: dict[bytes, int] = {}
    parts = np.split(slot[order], bounds[1:]) if len(order) else []
    # Cells have one node, so entries of different nodes are never taken for alike.
    signatures = ((part // width).tobytes() + by_cell[part].tobytes() for part in parts)
    return _ints(seen.setdefault(signature, k) for k, signature in enumerate(signatures))


def _latent_arrays(
    latents: list[Latent], cells: _Cells, names: _Names, finding: dict[str, int], n_groups: int
) -> dict[str, Any]:
    asked_of = _queries_of(latents, names)
    width = max((len(q) for q in asked_of), default=1)

    def query(name: str | None, place: str) -> int:
        t = 0 if name is None else names.technique[name]
        return -1 if t == 0 else (t - 1) * width + asked_of[t - 1].index(place)

    columns = np.zeros((len(latents), names.n_columns))
    signs = np.zeros((len(latents), len(finding)))
    findings = np.zeros((len(latents), len(finding)), dtype=bool)
    for i, x in enumerate(latents):
        for c, loading in names.columns_of_latent(x).items():
            columns[i, c] = loading
        for name, log_odds in x.log_odds.items():
            signs[i, finding[name]] = log_odds
        findings[i, [finding[name] for name in x.findings]] = True
    places = [_ints([names.place[p] for p in q]) for q in asked_of]
    met = [_ints([cells.index.get((t + 1, p), len(cells.rows)) for p in q]) for t, q in enumerate(asked_of)]
    return {
        "query_places": _padded(places, names.place[ASKED]),
        "query_cells": _padded(met, len(cells.rows)),
        "latent_is_sign": np.array([x.is_sign for x in latents], dtype=bool),
        "latent_node_a": _ints([query(x.technique, x.place) for x in latents]),
        "latent_node_c": _ints([query(x.comparator, x.place) for x in latents]),
        "latent_columns": columns,
        "latent_group": _ints([n_groups if x.group < 0 else x.group for x in latents]),
        "latent_own_noise": _floats(
            [not x.is_sign and (x.study, x.technique, x.place) not in names.noise for x in latents]
        ),
        "latent_threshold": _floats([x.threshold for x in latents]),
        "latent_signs": signs,
        "latent_belief": _floats([x.belief_log_odds for x in latents]),
        "latent_cells": np.array([x.cells for x in latents], dtype=np.float64).reshape(len(latents), 2),
        "latent_findings": findings,
    }


def _queries_of(latents: list[Latent], names: _Names) -> list[list[str]]:
    """Places each technique 1.. is asked about: the target in use, then where latents meet it, in order of place."""
    asked: list[set[str]] = [set() for _ in range(len(names.technique) - 1)]
    for latent in latents:
        for name in (latent.technique, latent.comparator):
            if name is not None and names.technique[name] > 0 and latent.place != ASKED:
                asked[names.technique[name] - 1].add(latent.place)
    return [[ASKED, *sorted(a, key=names.place.__getitem__)] for a in asked]


def _gathered(keys: Ints, n_keys: int, *, fill: int, values: Ints | None = None) -> Ints:
    """(n_keys, n): for each key the values (default: positions) that carry it, padded with `fill`. Other keys are dropped."""
    values = np.arange(len(keys)) if values is None else values
    keep = keys < n_keys
    keys, values = keys[keep], values[keep]
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    counts = np.bincount(keys, minlength=n_keys)
    place = np.arange(len(keys)) - np.repeat(np.cumsum(counts) - counts, counts)
    out = np.full((n_keys, max(1, int(counts.max(initial=0)))), fill, dtype=np.int64)
    out[keys, place] = values
    return out


def _padded(lists: Sequence[Ints], fill: int) -> Ints:
    width = max((1, *(len(x) for x in lists)))
    out = np.full((len(lists), width), fill, dtype=np.int64)
    for i, x in enumerate(lists):
        out[i, : len(x)] = x
    return out


def _ints(values: Iterable[int]) -> Ints:
    return np.array(list(values), dtype=np.int64)


def _floats(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)
