"""The rules of a pack over a whole register: the same files and outcomes as policies_kb/rules, on columns."""
