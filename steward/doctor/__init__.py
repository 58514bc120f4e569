"""Looks whether Steward can work: here, in the account, in its stage, for each stack. Reads only; every finding that
is not well says what to do."""
