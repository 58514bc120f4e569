"""Everything that a stack file can ask for, in five of them."""

from steward.sandbox import place

ACCOUNT = "210987654321"
NETWORK = {"subnets": ["subnet-0a1b2c3d4e5f60001"], "securityGroups": ["sg-0a1b2c3d4e5f60000"]}
BARE = {"region": place.REGION, "ecs": {"cluster": "c", "service": "s"}}
DOCUMENTS = (
    {
        **place.STACK_DOCUMENT,
        "network": NETWORK,
        "topics": [place.TOPIC_ARN],
        "channels": {"default": ["log", "sns:ops", "slack:ops/hook"]},
    },
    {
        **BARE,
        "stack": "aurora",
        "autonomy": "suggest",
        "network": NETWORK,
        "database": {"engine": "postgres", "cluster": "aurora-db", "secret": "aurora/db"},
        "ldap": {"url": "ldaps://ldap.example.com", "baseDn": "dc=example", "bindSecret": "ldap/bind"},
    },
    {**BARE, "stack": "bare"},
    {**BARE, "stack": "far", "region": "eu-west-1", "artifacts": {"bucket": "b", "backupBucket": "b-backup"}},
    {**place.STACK_DOCUMENT, "stack": "foreign", "account": ACCOUNT, "ecs": BARE["ecs"], "backup": {}},
)
