from tests.flow.conftest import stage, world

__all__ = ["stage", "world"]
