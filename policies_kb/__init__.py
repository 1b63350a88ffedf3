"""Policy packs: clauses, parameters, rules and the retrieval over them. Pure: no HTTP, no database."""
