"""`jzt bench`: figures per stage and end to end, with the peer's figure beside ours where one is run."""
