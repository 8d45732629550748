"""The floor at a thousand times real time: the live decision code under drawn callers.

scenario   what engineers write: callers, seats, policies to compare
world      a scenario with one policy applied: plan, populations, duty
draws      the callers of a day, the same under every policy
engine     virtual time: callers, the floor and its seats
tally      counts by quarter-hour and kind of caller, key figures
replicate  replications over all cores
compare    means with confidence intervals, differences between policies
"""
