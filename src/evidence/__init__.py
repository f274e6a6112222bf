"""How far should a proxy result move the ranking of techniques at the target."""
