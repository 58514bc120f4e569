"""One file a family of commands. Each is imported only when it is called, to start quickly."""
