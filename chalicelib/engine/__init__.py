"""The heart: a pure conductor that says what comes next, and an executor that does it."""
