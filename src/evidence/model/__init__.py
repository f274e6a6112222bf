"""The mathematics: pure functions of numbers and arrays."""
