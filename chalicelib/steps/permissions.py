"""The rights steps need, each with its reason; steps declare their own by naming these.

`*` stands only where AWS knows no resource for the action (Service Authorization Reference).
"""

from chalicelib.models.rights import planning
from chalicelib.models.step_index import Permission

_ECS = "arn:{partition}:ecs:{region}:{account}"
_IN_CLUSTER = {"ArnEquals": {"ecs:cluster": f"{_ECS}:cluster/{{cluster}}"}}

DESCRIBE_SERVICE = Permission(
    action="ecs:DescribeServices",
    resource=f"{_ECS}:service/{{cluster}}/{{service}}",
    why="desired, running and pending tasks, deployments",
)
READ_TASKS = (
    Permission(
        action="ecs:ListTasks", resource="*", why="which tasks the service has", condition=_IN_CLUSTER
    ),  # knows container instances only, which Fargate has none of
    Permission(
        action="ecs:DescribeTasks", resource=f"{_ECS}:task/{{cluster}}/*", why="how each task stands and why it stopped"
    ),
)
DESCRIBE_TASK_DEFINITION = Permission(
    action="ecs:DescribeTaskDefinition", resource="*", why="whether a task holds state on its own disk (S1)"
)
READ_TARGETS = (
    Permission(
        action="elasticloadbalancing:DescribeTargetGroups", resource="*", why="the target group's ARN by its name"
    ),
    Permission(
        action="elasticloadbalancing:DescribeTargetHealth", resource="*", why="which tasks serve and which do not"
    ),
)
DESCRIBE_LOAD_BALANCERS = Permission(
    action="elasticloadbalancing:DescribeLoadBalancers",
    resource="*",
    why="the load balancer's own name, the only host the url may lead to (S25)",
)
READ_SERVICE = (DESCRIBE_SERVICE, *READ_TASKS, *READ_TARGETS)
PLAN_WITH_SERVICE = (DESCRIBE_SERVICE, *READ_TASKS, *planning(*READ_TARGETS))
"""For actions that judge the service before and, once they act, ask only how its deployment goes on."""

UPDATE_SERVICE = Permission(
    action="ecs:UpdateService",
    resource=f"{_ECS}:service/{{cluster}}/{{service}}",
    why="change the desired count, the task definition, or start a deployment",
)
STOP_TASK = Permission(
    action="ecs:StopTask", resource=f"{_ECS}:task/{{cluster}}/*", why="stop one task, which the service then replaces"
)
READ_SCALING_BOUNDS = Permission(
    action="application-autoscaling:DescribeScalableTargets",
    resource="*",
    why="the bounds the owner set for the desired count (S13)",
)
READ_DEPLOYMENT_HISTORY = (
    Permission(
        action="ecs:ListServiceDeployments",
        resource=f"{_ECS}:service/{{cluster}}/{{service}}",
        why="which deployment completed last",
    ),
    Permission(
        action="ecs:DescribeServiceRevisions",
        resource=f"{_ECS}:service-revision/{{cluster}}/{{service}}/*",
        why="which task definition that deployment ran",
    ),
)
_RDS = "arn:{partition}:rds:{region}:{account}"
DESCRIBE_DATABASE = (
    Permission(
        action="rds:DescribeDBInstances",
        resource=f"{_RDS}:db:{{database}}",
        why="the instance's status, sizes and address",
    ),
    Permission(
        action="rds:DescribeDBClusters",
        resource=f"{_RDS}:cluster:{{database_cluster}}",
        why="the same of an Aurora cluster",
    ),
)
READ_METRICS = Permission(action="cloudwatch:GetMetricData", resource="*", why="values of the stack's metrics")
DESCRIBE_SECRETS = Permission(
    action="secretsmanager:DescribeSecret",
    resource="arn:{partition}:secretsmanager:{region}:{account}:secret:*",
    why="whether what the tasks read exists, and when it changed; never its value",
)
