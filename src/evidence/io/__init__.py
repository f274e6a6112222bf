"""Files in, files out: the only place that touches the disk."""
