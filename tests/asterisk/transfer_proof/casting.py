"""Which trial plays which case."""

from typing import Final

from tests.asterisk.transfer_proof.other_trials import (
    AndBack,
    ByButton,
    ByChoice,
    ByTwoLines,
    OtherTrial,
    ToColleague,
    ToEmergency,
)
from tests.asterisk.transfer_proof.others import How, OtherCase
from tests.asterisk.transfer_proof.partner_trials import FourParties, PartnerJoins, PartnerRefers
from tests.asterisk.transfer_proof.plan import Case
from tests.asterisk.transfer_proof.town import Town
from tests.asterisk.transfer_proof.trial import Trial

_TRIALS: Final[dict[How, type[OtherTrial]]] = {
    How.COLLEAGUE: ToColleague,
    How.EMERGENCY: ToEmergency,
    How.REDIRECTED: OtherTrial,
    How.REFER: ByButton,
    How.TWO_LINES: ByTwoLines,
    How.CHOICE: ByChoice,
    How.AND_BACK: AndBack,
    How.PARTNER_REFERS: PartnerRefers,
    How.PARTNER_JOINS: PartnerJoins,
    How.FURTHER: FourParties,
}


def trial(town: Town, case: Case) -> Trial:
    """The trial that plays a case."""
    return _TRIALS[case.how](town, case) if isinstance(case, OtherCase) else Trial(town, case)
