"""What can be broken at the tasks: their image, memory, variables, and whom they ask for logins."""

from typing import TYPE_CHECKING

from steward.sandbox import directory, place
from steward.sandbox.fault import Fault, always_was, note_deployment, retire, roll_out, serving
from steward.sandbox.memory import KILLED, SIGKILLED
from steward.sandbox.serving import HOSTS_VARIABLE
from steward.sandbox.task import Behaviour, Task
from steward.sandbox.task_definitions import STORE_VARIABLE, definition_of, install_and_serve

if TYPE_CHECKING:
    from steward.sandbox.world import World

_NEEDS_MIB = 1300
"""More than the 1024 of a task, less than the next size of Fargate."""
_OTHER_HOST = "mlflow.internal.example.com"
_RATE_LIMITED = (
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): httpReadSeeker: failed open: unexpected"
    f" status code https://registry-1.docker.io/v2/library/python/manifests/{place.IMAGE_DIGEST}: 429 Too Many Requests"
    " - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit."
    " https://www.docker.com/increase-rate-limit"
)


def image_rate_limited(world: "World") -> None:
    always_was(world, definition_of(install_and_serve(), image=place.DOCKER_HUB_IMAGE))
    refused = Behaviour(fails_to_start=_RATE_LIMITED, container_reason=_RATE_LIMITED)
    world.service.tempers.append(lambda task: refused if _is_from_docker_hub(task) else None)
    retire(world)


def _is_from_docker_hub(task: Task) -> bool:
    registry, slash, _ = task.image.partition("/")
    return registry == "docker.io" or not slash or "." not in registry


def out_of_memory(world: "World") -> None:
    now = world.clock.now()
    world.memory.grows_to(_NEEDS_MIB, now)
    for task in serving(world)[:1]:
        world.service.crash(task, now, SIGKILLED, KILLED)


def host_header_refused(world: "World") -> None:
    definition = definition_of(install_and_serve(any_host=False), environment={HOSTS_VARIABLE: _OTHER_HOST})
    always_was(world, definition)
    note_deployment(world, world.service.primary.definition)


def ldap_down(world: "World") -> None:
    if world.stack().ldap is None:
        asks_directory(world)
    world.directory.is_up = False


def asks_directory(world: "World") -> None:
    """Logins are checked against a directory, and always were."""
    command = install_and_serve(directory=True)
    always_was(world, definition_of(command, environment=directory.ENVIRONMENT))


def doubled_port(world: "World", circuit_breaker: str = "stop") -> None:
    """`circuit_breaker`: off, stop or rollback. RDS gives its endpoint with the port, and somebody added it again."""
    endpoint, port = f"{place.DATABASE_HOST}:{place.DATABASE_PORT}", place.DATABASE_PORT
    wrong = {STORE_VARIABLE: f"postgresql+psycopg2://{place.DATABASE_USER}@{endpoint}:{port}/{place.DATABASE_NAME}"}
    roll_out(world, definition_of(install_and_serve(store=False), environment=wrong), circuit_breaker)


TASK_FAULTS = (
    Fault(
        "image-rate-limited",
        "Docker Hub refuses further pulls of the image: what runs serves, and no task can be started.",
        image_rate_limited,
    ),
    Fault(
        "out-of-memory",
        "Tasks come to need more memory than they have, and are killed minutes after they serve.",
        out_of_memory,
    ),
    Fault(
        "host-header-refused",
        "The tasks serve another host name only: 403 to everybody but the load balancer's health check.",
        host_header_refused,
    ),
    Fault(
        "ldap-down",
        "The directory that logins are checked against does not answer: 401 to everybody.",
        ldap_down,
        asks_directory=True,
    ),
    Fault(
        "doubled-port",
        "A new revision whose store address names the port twice is being rolled out; the old tasks serve.",
        doubled_port,
    ),
)
