from tests.steps.conftest import recipe

__all__ = ["recipe"]
