"""The use cases, each a verb. They read the store, ask the pure core, and let the engine act."""
