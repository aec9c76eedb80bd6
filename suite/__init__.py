"""How methods are tested: cells, the engine, the measures, the pytest plugin and the tests."""
