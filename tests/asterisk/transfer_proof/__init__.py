"""The proof of the transfer contract on a real Asterisk: every state × who leaves × how the partner behaves.

`plan` says what must happen, `town` is the hotline that it happens in, `trial`
lets one case happen, `ears` and `books` judge what was heard and written down,
`proving` lets all of them happen.
"""
