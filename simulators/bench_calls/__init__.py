"""What a whole call costs on a real Asterisk: by callrouter, by Asterisk's own queue, by a plain `Dial()`.

All three run in one boot of one Asterisk, in turns, with the same callers, seats and talk time:

| module | what it does |
|---|---|
| `plan` | the three ways a call is handled, and how much is measured |
| `town` | Asterisk, seats' phones, broker, the controller as a process of its own |
| `block` | a number of calls one way, and what they cost the processes by the system's accounting |
| `reading` | seats really met, waits, repeats, out of SIPp's logs |
| `standing` | a seat becomes free while callers wait: how soon is it rung? |
| `clean` | the highest rate at which nothing goes wrong |
| `figures` | ratios with confidence intervals, and whether the promised ones are met |
"""
