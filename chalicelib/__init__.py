"""MLflow Steward: what runs in Lambda. See docs/decisions/ for why it is laid out this way."""
