"""The Python API: what `import evidence as ev` offers, from names and records to records."""
