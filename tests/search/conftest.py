from __future__ import annotations

import pytest
from toy_model import Toy, train_toy


@pytest.fixture(scope="session")
def toy() -> Toy:
    return train_toy()
