"""What has been spent: charges that grow with time, and are never less than what ran.

What was seen to run is charged until it is seen to have ended: at most a look too long. While a kind of
compute is not seen, what ran last goes on being charged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from spending_cap.ports import Account, Charge, Ledger, Run, Sight

_HOUR = 3600
_RESUMES = "endpoint"
"""What may have no instances for a while, and then the same ones again. All else that has ended is over."""
_KEPT = timedelta(days=1)
"""How long what is over is kept by itself: as long as it might be seen once more."""


def month_of(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m")


def start_of(month: str) -> datetime:
    return datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)


def opened(before: Ledger | None, now: datetime) -> Ledger:
    """The month's ledger, where there is none yet: what was seen when is carried on from the one before."""
    return Ledger(month_of(now), seen={} if before is None else before.seen)


def metered(ledger: Ledger, sights: Sequence[Sight], now: datetime) -> Ledger:
    """The ledger after a look: everything is charged until now, or until it ended."""
    start = start_of(ledger.month)
    charges = dict(ledger.charges)
    seen = dict(ledger.seen)
    for sight in sights:
        running = {run.thing.key: run for run in sight.runs if run.usd_per_hour is not None}
        for key, run in running.items():
            charges[key] = _charged(charges.get(key), sight.kind, run, start, now, seen.get(sight.kind, now))
        for key, charge in charges.items():
            if charge.kind == sight.kind and charge.running and key not in running:
                charges[key] = replace(_until(charge, now), running=bool(sight.unseen))
        if not sight.unseen:
            seen[sight.kind] = now
    return replace(ledger, charges=_summed(charges, seen), seen=seen)


def spent(ledger: Ledger, account: Account) -> float:
    what, name = account
    return sum(
        charge.usd
        for charge in ledger.charges.values()
        if name == (charge.team if what == "team" else charge.person)
    )


def _charged(
    charge: Charge | None, kind: str, run: Run, start: datetime, now: datetime, last_look: datetime
) -> Charge:
    rate = run.usd_per_hour or 0.0
    end = now if run.ended is None else min(run.ended, now)
    if charge is None:
        begin = min(max(run.thing.since, start), end) if end >= start else end
        usd = rate * (end - begin).total_seconds() / _HOUR
    elif not charge.running and run.ended is not None:
        return charge
    else:
        # it may have grown or shrunk since: the dearer of the two. What is back had nothing at the last look.
        begin = charge.until if charge.running else max(charge.until, last_look)
        elapsed = max((end - begin).total_seconds(), 0.0)
        usd = charge.usd + max(rate, charge.usd_per_hour) * elapsed / _HOUR
    return Charge(usd, rate, end, kind, run.thing.team, run.thing.person, running=run.ended is None)


def _summed(charges: Mapping[str, Charge], seen: Mapping[str, datetime]) -> dict[str, Charge]:
    """What has been over for long, in one charge for each person and team: a month of them is many."""
    found: dict[str, Charge] = {}
    for key, charge in charges.items():
        looked = seen.get(charge.kind)
        over = not charge.running and charge.kind != _RESUMES
        if over and looked is not None and charge.until < looked - _KEPT:
            key = f"over {charge.kind} {charge.team} {charge.person}"
        sum_so_far = found.get(key)
        usd = charge.usd + (0.0 if sum_so_far is None else sum_so_far.usd)
        until = charge.until if sum_so_far is None else max(charge.until, sum_so_far.until)
        found[key] = replace(charge, usd=usd, until=until)
    return found


def _until(charge: Charge, now: datetime) -> Charge:
    elapsed = max((now - charge.until).total_seconds(), 0.0)
    return replace(charge, usd=charge.usd + charge.usd_per_hour * elapsed / _HOUR, until=now)
