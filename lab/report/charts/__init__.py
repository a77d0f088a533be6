"""The report's charts: each module turns runs into the specification of one."""
