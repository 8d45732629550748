"""SIP load: populations of callers, seats and partners against a real installation."""
