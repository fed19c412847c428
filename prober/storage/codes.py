"""The stable small integers that stand for outcomes, reasons and phases in `results`.

A code is never given to another meaning: the rows of many years carry it.
"""

from __future__ import annotations

from prober.model import Outcome, Phase, Reason

OUTCOMES: dict[Outcome, int] = {
    Outcome.SUCCESS: 0,
    Outcome.SLOW: 1,
    Outcome.FAILURE: 2,
    Outcome.FAULT: 3,
}

REASONS: dict[Reason | None, int | None] = {
    None: None,
    Reason.STATUS: 1,
    Reason.CONDITION: 2,
    Reason.TIMEOUT: 3,
    Reason.REFUSED: 4,
    Reason.RESET: 5,
    Reason.DNS: 6,
    Reason.TLS: 7,
    Reason.PROTOCOL: 8,
    Reason.TOO_LARGE: 9,
    Reason.PROBER: 10,
}

PHASES: dict[Phase | None, int | None] = {
    None: None,
    Phase.RESOLVE: 1,
    Phase.CONNECT: 2,
    Phase.TLS: 3,
    Phase.PROCESSING: 4,
    Phase.TRANSFER: 5,
}

OUTCOME_OF = {code: outcome for outcome, code in OUTCOMES.items()}
REASON_OF = {code: reason for reason, code in REASONS.items()}
PHASE_OF = {code: phase for phase, code in PHASES.items()}
