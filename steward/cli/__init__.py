"""The operator's command. It turns words into operations and answers into text; it decides nothing."""
