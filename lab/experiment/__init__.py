"""Experiments: pour traffic on labs, record what was counted, and judge, compare, repeat it."""
