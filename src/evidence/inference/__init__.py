"""(Design, Hyper) -> Posterior."""
