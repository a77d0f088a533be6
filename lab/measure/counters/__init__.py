"""What every party counted, as Prometheus scraped it, and whether the counts agree."""
