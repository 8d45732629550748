"""`callrouter simulate trunks`: voice channels that a carrier must provide."""

import json
from typing import Annotated

import typer

from callrouter.cli.state import fail


def trunks(
    calls_per_hour: Annotated[float, typer.Option(min=0.01, max=1e7, help="Offered in the busiest hour.")],
    aht: Annotated[
        float, typer.Option(min=1, max=86_400, help="Mean seconds a channel is held: greeting, wait, talk.")
    ] = 210.0,
    loss: Annotated[
        float, typer.Option(min=1e-9, max=0.5, help="Share of calls that may find all channels busy.")
    ] = 0.001,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")] = False,
) -> None:
    """How many trunk channels lose no more than a share of the calls (Erlang B).

    Exit codes: 0 fine; 2 wrong usage.

    Example: callrouter simulate trunks --calls-per-hour 900 --aht 230 --loss 0.001
    """
    from simulators.erlang import erlang_b, erlang_b_load, erlang_b_servers

    load = calls_per_hour * aht / 3600
    try:
        channels = erlang_b_servers(load, loss)
        found = {
            "load": load,
            "channels": channels,
            "loss": erlang_b(channels, load),
            "room_to": erlang_b_load(channels, loss) * 3600 / aht,
        }
    except ValueError as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo(
        f"{channels} channels carry {load:.1f} erlang and lose {found['loss']:.3%}; "
        f"{loss:.3%} is reached at {found['room_to']:.0f} calls an hour"
    )
