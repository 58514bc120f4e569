"""Finds MLflow deployments in an account and writes down what each is made of: what is sure, and what is guessed."""
