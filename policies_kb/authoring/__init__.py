"""What helps a pack's author before the loader does: JSON Schemas for editors and the skeleton of a new pack."""
