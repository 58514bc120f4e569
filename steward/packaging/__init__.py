"""Makes what is shipped and what is generated. Never part of the Lambda package itself."""
