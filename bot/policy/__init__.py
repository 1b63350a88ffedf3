"""The console's policy side: trying a question with its reasons, reviewing drafts of ingested documents."""
