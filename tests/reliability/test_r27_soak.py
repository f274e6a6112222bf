"""Many reviews and moves of the app in one process: `validation/soak.py` in short."""

import soak


def test_r27_reviews_and_moves_neither_compile_nor_grow_once_all_was_met():
    for run, warm, n in ((soak.moves, 20, 26), (soak.reviews, 6, 9)):
        watch = soak.Watch(
            every=1
        )  # the warm-up meets every shape: the verdict and the ranking, the small base and the tiny one
        run(n, watch)
        found = watch.summary(warm)
        assert found["steps"] == n
        assert (found["compiled_after"], found["traces_after"]) == (0, 0), found["readings"]
        # A short run has kept few answers yet: what each of them takes is not a leak, so the bound is wider here.
        assert found["growth"] <= 0.15, found["readings"]
