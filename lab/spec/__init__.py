"""What a lab is: the parts of its spec, all frozen, all plain data."""
