"""Cases leave through an outbox; the reference back office receives them."""
