"""A person takes over: waiting list, staff sessions, the API behind the staff page."""
