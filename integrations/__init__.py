"""The rim of the house: storage, Redis, back office, documents, calendar. Knows nothing of the product above."""
