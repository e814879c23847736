"""Made-up card payments, the same ones each time, so that everybody can run the examples."""

from __future__ import annotations

import numpy as np
import pandas as pd

FEATURES = ["amount", "hour", "country_risk", "account_age_days"]


def payments(count: int, seed: int) -> pd.DataFrame:
    """Payments with what is known of each, and whether it was fraud."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "payment_id": np.arange(count) + seed * 1_000_000,
            "amount": random.gamma(2.0, 60.0, count).round(2),
            "hour": random.integers(0, 24, count).astype(float),
            "country_risk": random.beta(2, 8, count),
            "account_age_days": random.gamma(3.0, 200.0, count).round(),
        }
    )
    risk = 0.012 * table["amount"] + 4.0 * table["country_risk"] - 0.004 * table["account_age_days"]
    night = (table["hour"] < 6).astype(float)
    table["is_fraud"] = (risk + night + random.normal(0, 0.4, count) > 1.6).astype(int)
    return table
