"""The app (`evidence app`): pages that read widgets, call the package and show records. It holds no arithmetic."""
