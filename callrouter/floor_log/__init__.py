"""The floor's event log: written while calls run, replayed to the same decisions afterwards."""
