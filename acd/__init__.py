"""The pure core: every decision about calls, seats and queues.

Standard library only. Nothing here reads a clock, opens a socket, logs or draws
a random number: time is an argument, facts come in, commands go out. The live
controller, the tests and the simulator run this same code.
"""
