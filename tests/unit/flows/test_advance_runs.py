def test_x(world):
    d = world.fire()
    print(d)
    run = world.finish(d.parts[0].run_id)
    print(run.verdict, run.outcome); print(world.texts(run.id)); print(world.told(), world.incident(d))
    assert 0
