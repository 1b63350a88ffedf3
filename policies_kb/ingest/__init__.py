"""Documents as offices really have them, turned into drafts that a person can accept."""
