"""What became of a scenario's claims: evidence from a record, judged without measuring again."""
