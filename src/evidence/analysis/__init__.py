"""Questions asked of a posterior. Every analysis is handed its engine and reads and writes no files."""
