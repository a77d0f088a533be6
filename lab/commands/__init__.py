"""The commands, by what they are about; :mod:`lab.cli` puts them together."""
