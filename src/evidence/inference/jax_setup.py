"""JAX's process-wide settings, made once and before any JAX computation: import this before `jax`."""

from __future__ import annotations

import os
from pathlib import Path

import jax
import platformdirs

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_num_cpu_devices", 4)  # one for each chain of a sampler; programs without a say use the first


def _use_compilation_cache() -> None:
    """Compiled programs are kept between processes; EVIDENCE_CACHE_DIR moves the cache, an empty value turns it off."""
    folder = os.environ.get("EVIDENCE_CACHE_DIR", platformdirs.user_cache_dir("evidence"))
    if not folder:
        return
    jax.config.update("jax_compilation_cache_dir", str(Path(folder) / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


_use_compilation_cache()
