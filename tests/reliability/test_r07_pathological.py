"""Posteriors that no sampler explores as it stands: the gates of chains refuse every one of them (R7).

The targets are textbook ones, sampled by the NUTS that the sampled engine uses (NumPyro), with nothing done to help it.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer import MCMC, NUTS

from evidence.inference import jax_setup  # noqa: F401 (64 bits)
from evidence.inference.checks import chain_checks

CHAINS, DRAWS, SEEDS = 4, 1000, 3
SCHOOLS = jnp.array([28.0, 8, -3, 7, -1, 1, 18, 12]), jnp.array([15.0, 10, 16, 11, 9, 11, 10, 18])  # Rubin 1981


def normal(x, mean, sd):
    return -0.5 * ((x - mean) / sd) ** 2 - jnp.log(sd)


def centred_schools(x):
    """mu ~ N(0, 5), tau ~ half-Cauchy(5), effects as they are: the neck of the funnel is never seen."""
    mu, log_tau, effects = x[0], x[1], x[2:]
    y, se = SCHOOLS
    prior = normal(mu, 0, 5) - jnp.log1p((jnp.exp(log_tau) / 5) ** 2) + log_tau
    return prior + normal(effects, mu, jnp.exp(log_tau)).sum() + normal(y, effects, se).sum()


def neals_funnel(x):
    """v ~ N(0, 3), nine others ~ N(0, exp(v / 2)) (Neal 2003)."""
    return normal(x[0], 0, 3) + normal(x[1:], 0, jnp.exp(x[0] / 2)).sum()


def two_modes(x):
    """Half N(-8, 1), half N(8, 1): no chain crosses."""
    return jnp.logaddexp(normal(x[0], -8, 1), normal(x[0], 8, 1))


def switched_labels(x):
    """A mixture of two normals whose means have no order: either name fits either half of the data."""
    data = jnp.concatenate([jnp.linspace(-4, -2, 20), jnp.linspace(2, 4, 20)])
    return normal(x, 0, 10).sum() + jnp.logaddexp(normal(data, x[0], 1), normal(data, x[1], 1)).sum()


def one_study_flat_spread(x):
    """One study and a flat prior on the spread: the posterior of tau has no end."""
    mu, log_tau, effect = x
    return normal(mu, 0, 1) + log_tau + normal(effect, mu, jnp.exp(log_tau)) + normal(0.5, effect, 0.2)


def well_behaved(x):
    """Independent normals: what the same sampler must not be refused for."""
    return normal(x, 0, 1).sum()


PATHOLOGICAL = {centred_schools: 10, neals_funnel: 10, two_modes: 1, switched_labels: 2, one_study_flat_spread: 3}


def checks_of(log_density, size):
    """The gates on chains that start far apart, one dictionary per seed."""
    kernel = NUTS(potential_fn=lambda x: -log_density(x))
    walk = MCMC(kernel, num_warmup=DRAWS, num_samples=DRAWS, num_chains=CHAINS, chain_method="vectorized", progress_bar=False)  # fmt: skip
    for seed in range(SEEDS):
        starts = 2 * jax.random.normal(jax.random.PRNGKey(100 + seed), (CHAINS, size))
        starts = starts.at[:2, 0].set(-jnp.abs(starts[:2, 0]) - 4).at[2:, 0].set(jnp.abs(starts[2:, 0]) + 4)
        walk.run(jax.random.PRNGKey(seed), init_params=starts, extra_fields=("energy", "diverging"))
        stats = {name: np.asarray(x) for name, x in walk.get_extra_fields(group_by_chain=True).items()}
        yield chain_checks(np.asarray(walk.get_samples(group_by_chain=True)), stats)


@pytest.mark.slow
@pytest.mark.parametrize(("target", "size"), PATHOLOGICAL.items(), ids=lambda x: getattr(x, "__name__", ""))
def test_r07_a_pathological_posterior_is_refused(target, size):
    for seed, checks in enumerate(checks_of(target, size)):
        assert not all(check.ok for check in checks.values()), f"seed {seed}: {checks}"


@pytest.mark.slow
def test_r07_the_same_sampler_on_a_simple_posterior_is_not_refused():
    for checks in checks_of(well_behaved, 5):
        assert all(check.ok for check in checks.values()), checks
