"""Files a resident sends: checked, encrypted, stored."""
