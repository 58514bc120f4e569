"""The LDAP directory that some deployments ask who somebody is. Only facts; who asks decides what follows."""

from dataclasses import dataclass

from steward.sandbox import place

URL_VARIABLE = "LDAP_URI"
HOST = "ldap.example.com"
PORT = 636
ADDRESS = "10.0.9.5"
SUFFIX = "dc=example,dc=com"
BASE = f"ou=people,{SUFFIX}"
BIND_DN = "cn=mlflow,ou=services,dc=example,dc=com"
PASSWORD = "sandbox-directory-password"  # noqa: S105 - a world that nobody can reach
ENVIRONMENT = {URL_VARIABLE: f"ldaps://{HOST}:{PORT}", "LDAP_BASE": BASE, "LDAP_BIND_DN": BIND_DN}

LDAP_PART = {"url": f"ldaps://{HOST}:{PORT}", "baseDn": BASE, "bindSecret": place.DIRECTORY_SECRET}
"""What the stack file says of it."""


@dataclass
class Directory:
    is_up: bool = True
