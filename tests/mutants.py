"""Named faults of the package, each with the ordinary test that finds it (tests/test_mutants.py runs them).

A mutant is one place in the source that says something else. Loaded as a pytest plugin (`-p mutants`), this module
puts the one named by EVIDENCE_MUTANT into the package before anything imports it, so that no compiled program and no
imported name of the right one is left over, and writes what became of each test to EVIDENCE_MUTANT_REPORT.
"""

import json
import os
import sys
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path

NAME, REPORT = "EVIDENCE_MUTANT", "EVIDENCE_MUTANT_REPORT"


@dataclass(frozen=True)
class Mutant:
    """A fault: what `module` (below `evidence`) says once, what it says instead, and who finds it."""

    name: str
    module: str
    right: str
    wrong: str
    test: str
    """Node below tests/ that must fail; of a parametrised one at least one case."""

    def applied_to(self, source: str) -> str:
        """The source with the fault. Raises ValueError unless the right text stands there exactly once."""
        if source.count(self.right) != 1:
            raise ValueError(f"{self.name}: found {source.count(self.right)} times in {self.module}: {self.right!r}")
        return source.replace(self.right, self.wrong)


IDENTITIES, EXACT = "inference/test_identities.py::", "inference/test_exact_engine.py::"
DENSE = EXACT + "test_merits_and_likelihood_equal_the_dense_joint_normal"
ENGINE = IDENTITIES + "test_the_whole_engine_agrees_with_quadrature_within_four_standard_errors"
CLOSED_FORM = IDENTITIES + "test_one_finding_gives_the_closed_form"
EFFECTS, RANKS, SCORES = "model/test_effects.py::", "model/test_ranks.py::", "model/test_scores.py::"
RANKING, REVIEW = "analysis/test_ranking.py::", "analysis/test_review.py::"

MUTANTS = (
    # From findings to rows.
    Mutant(
        "sign of a finding", "model.effects",
        "return 1.0 if f.higher_is_better else -1.0", "return 1.0",
        EFFECTS + "test_lower_is_better_flips_the_effect_and_keeps_its_variance",
    ),
    Mutant(
        "se for sd", "model.effects",
        "/ math.sqrt(m)", "/ m",
        EFFECTS + "test_means_are_the_smd_of_metafor",
    ),
    Mutant(
        "root 2 of an AUROC", "model.effects",
        "math.sqrt(2) * z", "z",
        EFFECTS + "test_an_auroc_is_a_probit_distance_with_the_delta_method",
    ),
    Mutant(
        "comparator counted twice", "model.rows",
        "tuple(t + math.log1p(-effect.comparator_share) for t in total)", "total",
        DENSE,
    ),
    Mutant(
        "direction of an order", "model.rows",
        "1.0 if high == f.technique else -1.0", "1.0",
        IDENTITIES + "test_one_order_gives_the_arcsine_law",
    ),
    # The prior.
    Mutant(
        "class mixture swapped", "model.priors",
        "below, above = (pi * tails[0][side] + (1 - pi) * tails[1][side]",
        "below, above = ((1 - pi) * tails[0][side] + pi * tails[1][side]",
        "model/test_priors.py::test_the_class_mixture_is_inverted_exactly",
    ),
    Mutant(
        "rho squared for rho", "model.validity",
        "transported * l_pair)", "transported * l_pair**2)",
        CLOSED_FORM,
    ),
    Mutant(
        "novelty forgotten", "model.validity",
        "-distance - w_0 * novelty", "-distance",
        DENSE,
    ),
    Mutant(
        "gaps forgotten", "model.validity",
        "* w_d).sum(axis=-1)", "* w_d * 0.0).sum(axis=-1)",
        DENSE,
    ),
    Mutant(
        "relevance per setting", "model.validity",
        "xp.where(same_family, 1.0, relevance", "xp.where(same_node, 1.0, relevance",
        DENSE,
    ),
    # The likelihood.
    Mutant(
        "sd for variance", "inference.collapsed",
        "variance = jnp.exp(log_var) *", "variance = jnp.exp(log_var / 2) *",
        CLOSED_FORM,
    ),
    Mutant(
        "tau for tau_P", "inference.collapsed",
        "jnp.concatenate([tau_P * stretch", "jnp.concatenate([tau * stretch",
        CLOSED_FORM,
    ),
    Mutant(
        "spread of optimism forgotten", "inference.collapsed",
        "is_proxy * eta.sigma_b**2", "is_proxy * 0.0",
        DENSE,
    ),
    Mutant(
        "sign of allegiance", "inference.collapsed",
        '+ values[s["mu_d"]]', '- values[s["mu_d"]]',
        DENSE,
    ),
    Mutant(
        "unknown gap as none", "inference.collapsed",
        'jnp.where(data["place_unknown"], part((s["unknown"],), (n_dimensions,)), data["place_gaps"])',
        'data["place_gaps"]',
        DENSE,
    ),
    Mutant(
        "wrong tail of an order", "inference.collapsed",
        "z_above = -_ndtri_exp(jnp.log(share_above) + log_ndtr(a))",
        "z_above = -_ndtri_exp(jnp.log(share_above) + log_ndtr(-a))",
        IDENTITIES + "test_one_order_of_a_flattered_technique_equals_quadrature",
    ),
    Mutant(
        "all counted as failures", "inference.collapsed",
        "- rest * jnp.logaddexp(0.0, c * x)", "- (k + rest) * jnp.logaddexp(0.0, c * x)",
        EXACT + "test_small_counts_keep_their_binomial_likelihood",
    ),
    Mutant(
        "mask ignored", "inference.program",
        "on = mask > 0", "on = mask >= 0",
        EXACT + "test_a_masked_finding_is_as_good_as_absent",
    ),
    Mutant(
        "stale cache", "inference.program",
        "    data = to_data(design, hyper, evidence)\n",
        "    data = collapse_at.__dict__.setdefault(design.findings, to_data(design, hyper, evidence))\n",
        "analysis/test_fingerprint.py::test_a_stated_validity_cut_by_its_gaps_is_shown_as_it_is_used",
    ),
    # Weighted draws and what is read off them.
    Mutant(
        "likelihood dropped", "inference.proposals",
        "np.nan_to_num(log_likelihood, nan=-np.inf) + log_prior(x)", "log_prior(x)",
        ENGINE,
    ),
    Mutant(
        "prior ignored", "inference.proposals",
        " + log_prior(x)", "",
        ENGINE,
    ),
    Mutant(
        "proposal density forgotten", "inference.proposals",
        "return self.log_target - mixture", "return self.log_target",
        ENGINE,
    ),
    Mutant(
        "old likelihood kept", "inference.exact",
        "+ moved.log_likelihood - thinned.log_likelihood", "+ moved.log_likelihood",
        EXACT + "test_reweighted_draws_are_the_posterior_of_the_other_findings",
    ),
    Mutant(
        "sign of w_0 in its rule", "inference.exact",
        "(drawn - nodes)", "(nodes - drawn)",
        IDENTITIES + "test_p_is_averaged_over_what_no_finding_speaks_about",
    ),
    Mutant(
        "mode without the prior", "inference.mode",
        " + 0.5 * (x**2).sum()", "",
        "inference/test_mode.py::test_the_mode_of_a_conjugate_normal_is_its_mean_and_the_curvature_its_precision",
    ),
    Mutant(
        "techniques swapped", "inference.engine",
        "mean[:, a] - mean[:, b], cov", "mean[:, b] - mean[:, a], cov",
        "inference/test_engine.py::test_every_pair_has_its_p_and_its_standard_error",
    ),
    Mutant(
        "targets count alike", "inference.engine",
        "[w * p.weights for w, p in", "[p.weights / len(share) for w, p in",
        "inference/test_engine.py::test_a_mixture_of_targets_counts_each_by_its_weight",
    ),
    Mutant(
        "one chain judged", "inference.checks",
        "arviz.rhat(draws, **axes)", "arviz.rhat(draws[:1], **axes)",
        "inference/test_chain_checks.py::test_the_values_are_arvizs_worst",
    ),
    Mutant(
        "merits drawn without spread", "inference.tree",
        "+ roots[np.searchsorted(block, index[row])] @ normal", "",
        "inference/test_tree.py::test_resampled_draws_have_the_weighted_moments",
    ),
    # Scores and ranks.
    Mutant(
        "ranked from below", "model.ranks",
        "argsort(-merits[part], axis=1)", "argsort(merits[part], axis=1)",
        RANKS + "test_rank_one_is_the_highest_merit",
    ),
    Mutant(
        "hours of a try forgotten", "model.ranks",
        "works[:, left] / hours[left]", "works[:, left]",
        RANKS + "test_techniques_that_never_work_together_are_tried_by_probability_per_hour",
    ),
    Mutant(
        "nats for bits", "model.scores",
        "return max(0.0, -expected_log_score_gain(q, p, p)) / math.log(2)",
        "return max(0.0, -expected_log_score_gain(q, p, p))",
        SCORES + "test_bits_between_two_probabilities",
    ),
    Mutant(
        "wrong tail of quantiles", "model.scores",
        "np.where(upper[:, None], -z, z)", "np.where(upper[:, None], z, -z)",
        SCORES + "test_quantiles_are_the_roots_of_the_mixture_cdf",
    ),
    # Analyses.
    Mutant(
        "export transposed", "analysis.ranking",
        "float(matrix[i, j])", "float(matrix[j, i])",
        RANKING + "test_every_pair_has_its_p_in_both_directions",
    ),
    Mutant(
        "P of the mirrored pair", "analysis.ranking",
        "= 1 - matrix[a, b]", "= matrix[a, b]",
        RANKING + "test_every_pair_has_its_p_in_both_directions",
    ),
    Mutant(
        "worst first", "analysis.ranking",
        "key=lambda r: r.expected_rank)", "key=lambda r: -r.expected_rank)",
        RANKING + "test_techniques_come_highest_first_with_the_quantiles_of_their_merits",
    ),
    Mutant(
        "a study weighed with itself", "analysis.ranking",
        "reweighted(case, engine, fewer, rest)", "reweighted(case, engine, fewer, case.everything)",
        RANKING + "test_a_study_shifts_the_merits_by_what_it_alone_says",
    ),
    Mutant(
        "merits drawn by variance", "analysis.draws",
        "roots_of(posterior.cov[met, 1:, 1:])", "posterior.cov[met, 1:, 1:]",
        RANKING + "test_drawn_merits_have_the_weighted_moments_of_the_posterior",
    ),
    Mutant(
        "draws of merits count alike", "analysis.draws",
        "np.searchsorted(np.cumsum(posterior.weights), positions)",
        "(positions * len(posterior.weights)).astype(int)",
        RANKING + "test_drawn_merits_have_the_weighted_moments_of_the_posterior",
    ),
    Mutant(
        "bits without determinants", "analysis.ranking",
        " + np.linalg.slogdet(S0)[1] - np.linalg.slogdet(S)[1]", "",
        RANKING + "test_a_study_shifts_the_merits_by_what_it_alone_says",
    ),
    Mutant(
        "reversals the other way", "analysis.review",
        "round(100 * (1 - p_post))", "round(100 * p_post)",
        REVIEW + "test_before_warranted_ceiling_and_face_value",
    ),
    Mutant(
        "face value of nothing", "analysis.review",
        "case.design, reader, case.everything", "case.design, reader, case.nothing",
        REVIEW + "test_in_context_all_but_this_then_all",
    ),
    Mutant(
        "equivalent runs by sd", "analysis.limits",
        "run**2 * (1 / a - 1 / b)", "run * (1 / a - 1 / b)",
        REVIEW + "test_what_limits_the_shift",
    ),
    Mutant(
        "stale gaps", "analysis.reweighting",
        '"gaps", "gap_unknown"', '"gap_unknown"',
        "analysis/test_live.py::test_a_moved_slider_gives_the_answer_of_a_full_fit",
    ),
    Mutant(
        "old prior kept", "analysis.reweighting",
        " - log_density(old.tables[k], xi)", "",
        "analysis/test_live.py::test_a_reweighted_answer_is_the_integral_under_the_new_prior",
    ),
    Mutant(
        "Jacobian of a stated validity dropped", "analysis.reweighting",
        "-np.log(new.novelty * np.where(usable, relevance, 1.0))", "np.zeros(len(xi))",
        "analysis/test_reweighting.py::test_a_stated_validity_is_a_change_of_variables",
    ),
    Mutant(
        "old prior of relevance kept", "analysis.reweighting",
        " - log_density(old.tables[[column]], xi[:, None])[:, 0]", "",
        "analysis/test_reweighting.py::test_a_stated_validity_is_a_change_of_variables",
    ),
    Mutant(
        "first setting for the reference", "analysis.reweighting",
        "_loss_apart(new, posterior, int(new.stated_reference[f]))", "_loss_apart(new, posterior, 0)",
        "analysis/test_reweighting.py::test_a_stated_validity_is_a_change_of_variables",
    ),
    Mutant(
        "chosen draws not weighed back", "analysis.pilot",
        " - np.log(expected[index]) + log_start[index]", "",
        "analysis/test_pilot.py::test_every_round_has_the_mean_of_the_new_posterior",
    ),
    Mutant(
        "pilot's prediction unused", "analysis.pilot",
        "_tempered(log_start + predicted, NEARLY)", "_tempered(log_start, NEARLY)",
        "analysis/test_pilot.py::test_after_the_pilot_draws_are_those_that_weigh",
    ),
    Mutant(
        "prior scaled by its whole power", "analysis.sensitivity",
        "(alpha - 1) * log_prior\n", "alpha * log_prior\n",
        "analysis/test_sensitivity.py::test_power_scaling_of_a_conjugate_normal_is_the_closed_form",
    ),
    Mutant(
        "power of se inverted", "analysis.sensitivity",
        "se_scale=alpha**-0.5", "se_scale=alpha**0.5",
        "analysis/test_sensitivity.py::test_power_scaling_of_a_conjugate_normal_is_the_closed_form",
    ),
    Mutant(
        "fingerprint of what is ruled out", "analysis.fingerprint",
        "weights = np.exp(np.round(found.log_likelihood - top, 9))", "weights = np.ones(len(found.weights))",
        "analysis/test_fingerprint.py::test_a_stated_validity_cut_by_its_gaps_is_shown_as_it_is_used",
    ),
    # From a paper to rows.
    Mutant(
        "words against numbers the wrong way round", "domain.plausibility",
        "z != 0 and said != shown", "z != 0 and said == shown",
        "domain/test_plausibility.py::test_numbers_and_words_name_the_same_side",
    ),
    Mutant(
        "an SD without bound", "domain.spreads",
        "if sd > largest * 1.01", "if sd > largest * 10",
        "domain/test_plausibility.py::test_no_scores_have_a_larger_sd_than_those_all_at_the_ends",
    ),
    Mutant(
        "line ends of its own", "io.additions",
        "line_end=end)", 'line_end="\\n")',
        "io/test_additions.py::test_line_ends_and_the_last_of_them_are_as_the_table_has_them",
    ),
    Mutant(
        "an interval not turned round", "report.read_back",
        "-hi, -lo", "lo, hi",
        "analysis/test_read_back.py::test_the_comparators_lead_is_told_from_its_side",
    ),
    Mutant(
        "back forgets nothing", "cli.dialogue",
        "del self._given[last]", "pass",
        "test_cli_add.py::test_back_to_another_kind_forgets_the_numbers_of_the_first",
    ),
    # Registrations.
    Mutant(
        "a chain that does not hang together", "io.registry",
        "    if entry.prev != prev:", "    if entry.prev == '':",
        "io/test_registry.py::test_s16_an_edited_chain_is_tampered",
    ),
    Mutant(
        "a cut chain", "io.registry",
        "    if head.seq >= len(hashes):", "    if head.seq >= len(hashes):\n        return -1\n    if head.seq < 0:",
        "io/test_registry.py::test_a_last_line_cut_short_after_it_was_finished_is_tampered",
    ),
    Mutant(
        "bytes not compared", "io.frozen_files",
        "        same = frozen_bytes(record) == data", "        same = bool(frozen_bytes(record))",
        "io/test_frozen_files.py::test_s16_bytes_that_are_not_canonical_are_refused_even_under_their_own_hash",
    ),
    Mutant(
        "silence taken for agreement", "analysis.prereg_verify",
        "        return NOT_STATED if value is None else str(value)", "        return digest if value is None else str(value)",
        "test_cli_prereg.py::test_what_an_analysis_does_not_say_is_a_deviation",
    ),
    Mutant(
        "the baseline's error counted twice", "analysis.prereg_score",
        "    se = np.sqrt(np.maximum(variance[a] + variance[b] - 2 * shared, 0.0))",
        "    se = np.sqrt(np.maximum(variance[a] + variance[b], 0.0))",
        "analysis/test_prereg_score.py::test_contrasts_of_one_run_do_not_count_the_baseline_twice",
    ),
    Mutant(
        "the error of the outcome left out", "model.condensed",
        "    sd = np.hypot(beliefs.sd, se[:, None])\n    z = (observed", "    sd = beliefs.sd + 0 * se[:, None]\n    z = (observed",
        "model/test_condensed.py::test_log_density_is_that_of_scipy",
    ),
    Mutant(
        "a belief turned the wrong way", "analysis.prereg_score",
        "(known[p[1], p[0]], -1.0)", "(known[p[1], p[0]], 1.0)",
        "analysis/test_prereg_score.py::test_a_belief_frozen_the_other_way_round_is_turned",
    ),
    Mutant(
        "nothing swapped", "analysis.prereg_groups",
        "        return other if group in from_b else one", "        return one",
        "analysis/test_prereg_compare.py::test_a_mixture_of_nothing_is_the_one_and_of_everything_the_other",
    ),
    # Values of studies.
    Mutant(
        "loss forgotten where all fail", "model.decisions",
        "return out + np.where(any_works, 0.0, loss)[:, None]", "return out",
        "model/test_decisions.py::test_hours_per_draw_average_to_those_of_the_order",
    ),
    Mutant(
        "subsets for supersets", "model.decisions",
        "pairs[:, 0] += pairs[:, 1]", "pairs[:, 1] += pairs[:, 0]",
        "model/test_decisions.py::test_a_set_fails_where_all_of_it_fail",
    ),
    Mutant(
        "readers who decide as warranted", "analysis.worth",
        "chosen = {name: _choices(table, means.mean) for name, means in seen.items()}",
        "chosen = {name: _choices(table, found.mean[: effort.read]) for name in seen}",
        "analysis/test_worth.py::test_over_updating_and_face_value_are_closed_forms_too",
    ),
    Mutant(
        "no doubt left beyond the validity", "model.readings",
        "np.sqrt(1 - rho**2) * tau_P", "np.sqrt(0 * rho**2) * tau_P",
        "analysis/test_worth.py::test_over_updating_and_face_value_are_closed_forms_too",
    ),
    Mutant(
        "sign of the gain", "model.moved",
        "out += surprise[:, :, a, None] * gain[:, :, a]", "out -= surprise[:, :, a, None] * gain[:, :, a]",
        "analysis/test_worth.py::test_moving_particles_and_weighing_them_agree",
    ),
    Mutant(
        "future effects not given the statements", "inference.foresight",
        "return _Joint(mean + slope.T @ zeta,", "return _Joint(mean,",
        "inference/test_foresight.py::test_statements_found_already_leave_the_merits_as_the_engine_has_them",
    ),
)  # fmt: skip


class _Faulty(SourceFileLoader):
    """Compiles the mutated source, past any stored bytecode."""

    def __init__(self, fullname, path, mutant):
        super().__init__(fullname, path)
        self.mutant = mutant

    def get_code(self, fullname):
        source = self.get_data(self.path).decode()
        return compile(self.mutant.applied_to(source), self.path, "exec", dont_inherit=True)

    def exec_module(self, module):
        super().exec_module(module)
        STATE["installed"] = True


class _Finder(MetaPathFinder):
    def __init__(self, mutant):
        self.mutant = mutant

    def find_spec(self, fullname, path, target=None):
        if fullname != f"evidence.{self.mutant.module}":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        spec.loader = _Faulty(fullname, spec.origin, self.mutant)
        return spec


STATE = {"installed": False, "failed": {}, "passed": []}
"""Of this process: whether the fault is in, the exception of each test that failed (by phase), and who passed."""


def pytest_configure(config):
    if name := os.environ.get(NAME):
        mutant = next(m for m in MUTANTS if m.name == name)
        sys.meta_path.insert(0, _Finder(mutant))


def pytest_runtest_makereport(item, call):
    if call.excinfo is not None:
        STATE["failed"][f"{item.nodeid} ({call.when})"] = call.excinfo.type.__name__
    elif call.when == "call":
        STATE["passed"].append(item.nodeid)


def pytest_sessionfinish(session, exitstatus):
    if path := os.environ.get(REPORT):
        Path(path).write_text(json.dumps(STATE), encoding="utf-8")
