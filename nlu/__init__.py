"""Understanding: a Rasa NLU project (its own environment) and the typed client that turns text into Commands."""
