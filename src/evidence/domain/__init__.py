"""What exists: frozen records. No arrays, no files, no third-party library but pydantic."""
