"""Screening a register: reading it, spreading it over processes or machines, writing results and the report."""
