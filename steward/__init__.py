"""The operator's tool: command line, sandbox, packaging, bench. Never shipped to Lambda."""
