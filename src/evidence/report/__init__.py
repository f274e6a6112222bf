"""Rendering of result records: words, terminal, JSON, Markdown, HTML. Nothing here computes a number."""
