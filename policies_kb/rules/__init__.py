"""Three-valued eligibility rules that explain themselves."""
