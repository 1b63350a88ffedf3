"""Chinese workdays."""
