from pathlib import Path

import pytest

from callrouter.directory import load_directory
from callrouter.toolchain.accounts import trunk_accounts
from callrouter.toolchain.plan import PlanError

DIRECTORY = load_directory(Path("ivr_flows/site/directory.yaml"))


def test_settings_go_before_the_directory() -> None:
    accounts = {
        one.name: one
        for one in trunk_accounts(
            DIRECTORY,
            proxies={"departments": "127.0.0.3:5070"},
            addresses={"carrier": ("127.0.0.1",)},
        )
    }
    assert set(accounts) == {"carrier", "departments", "prefectures", "emergency"}
    assert accounts["departments"].peer == "127.0.0.3:5070"
    assert accounts["departments"].qualify == 10
    assert accounts["carrier"].addresses == ("127.0.0.1",)
    assert accounts["emergency"].peer == ""
    assert accounts["emergency"].qualify == 0


def test_a_trunk_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="departmens"):
        trunk_accounts(DIRECTORY, proxies={"departmens": "127.0.0.3:5070"})
    with pytest.raises(PlanError, match="peer of trunk departments"):
        trunk_accounts(DIRECTORY, proxies={"departments": "a host"})
