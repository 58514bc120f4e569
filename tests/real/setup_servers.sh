#!/usr/bin/env bash
# What the tests on real servers need, installed only where it is missing: PostgreSQL and MariaDB from the
# system's packages, and a venv of its own for MLflow and the S3 endpoint. No service is started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=${LAB_VENV:-$here/../../.venv-mlflow}
pins=$here/requirements-mlflow.txt

fail() {
  echo "test-real: $*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

has_postgres() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

has_mariadb() {
  PATH=$PATH:/usr/sbin command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null \
    && command -v mariadb >/dev/null
}

install_packages() {
  command -v apt-get >/dev/null || fail "$* is missing and there is no apt-get; install the PostgreSQL and MariaDB servers"
  [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null || fail "$* is missing; run tests/real/setup_servers.sh as root"
  echo "test-real: installing $* (a minute, once)"
  local log
  log=$(mktemp)
  # An index a day old is good enough, so it is fetched only when the first try fails. Locks are waited for, shortly.
  local install=(timeout 420 apt-get -o DPkg::Lock::Timeout=60 install -y -qq --no-install-recommends "$@")
  as_root env DEBIAN_FRONTEND=noninteractive "${install[@]}" >"$log" 2>&1 && return
  as_root timeout 180 apt-get -o DPkg::Lock::Timeout=60 update -qq >>"$log" 2>&1 || true
  as_root env DEBIAN_FRONTEND=noninteractive "${install[@]}" >>"$log" 2>&1 \
    || fail "the packages $* cannot be installed: $(tail -n 1 "$log")"
}

if ! has_postgres; then
  install_packages postgresql-common
  # Debian would create and start a cluster of its own; the laboratory makes one for each session.
  as_root mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/steward-lab.conf >/dev/null
  install_packages postgresql
fi
# The -core packages are the programs alone, without a service that starts by itself.
has_mariadb || install_packages mariadb-server-core mariadb-client-core
has_postgres || fail "PostgreSQL's initdb is still missing after its installation"
has_mariadb || fail "mariadbd, mariadb-install-db or mariadb is still missing after its installation"

# Prometheus' promtool and the Alertmanager, unpacked from Debian's packages and not installed: no service starts.
unpack_prometheus() {
  local folder=$here/../../.venv-prometheus
  [ -x "$folder/usr/bin/promtool" ] && [ -x "$folder/usr/bin/prometheus-alertmanager" ] && return
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || fail "promtool needs Debian's package prometheus"
  echo "test-real: fetching Prometheus and Alertmanager into $(basename "$folder") (once)"
  local log scratch
  log=$(mktemp)
  scratch=$(mktemp -d)
  fetch() { (cd "$scratch" && timeout 180 apt-get download -qq prometheus prometheus-alertmanager >>"$log" 2>&1); }
  fetch || { as_root timeout 180 apt-get -o DPkg::Lock::Timeout=60 update -qq >>"$log" 2>&1 || true; fetch; } \
    || fail "the packages prometheus and prometheus-alertmanager cannot be fetched: $(tail -n 1 "$log")"
  mkdir -p "$folder"
  for package in "$scratch"/*.deb; do dpkg -x "$package" "$folder"; done
  rm -rf "$scratch"
}

unpack_prometheus
# Debian's Alertmanager reads its templates from this one place, wherever its program lies.
templates=/usr/share/prometheus/alertmanager
[ -e "$templates/email.tmpl" ] || {
  as_root mkdir -p "$templates"
  as_root cp "$here/../../.venv-prometheus$templates"/*.tmpl "$templates/"
}

# MySQL's server. Debian's releases have MariaDB alone, so it comes from `sid`, of the mirror that this machine uses, and
# is unpacked beside the libraries that it was built with: nothing of the system is touched. Where it is not to be had,
# the tests that need it are skipped and say so.
unpack_mysql() {
  local folder=$here/../../.venv-mysql scratch from lists packages
  [ -x "$folder/mysqld" ] && return
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return
  echo "test-real: fetching a MySQL server into $(basename "$folder") (once)"
  scratch=$(mktemp -d)
  from=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
  mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial" "$scratch/parts" "$scratch/deb"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $from sid main" >"$scratch/sources.list"
  lists=(-o "Dir::Etc::SourceList=$scratch/sources.list" -o "Dir::Etc::SourceParts=$scratch/parts"
    -o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache=$scratch/cache" -o APT::Sandbox::User=)
  packages() {
    apt-cache "${lists[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
      --no-enhances mysql-server-core | grep -E '^[a-z]' | grep -vE '^(perl|libperl|perl-.*|libgdbm.*|libdb.*)$' | sort -u
  }
  { timeout 180 apt-get "${lists[@]}" update -qq && (cd "$scratch/deb" && packages | xargs timeout 300 apt-get \
    "${lists[@]}" download -qq); } >"$scratch/log" 2>&1 || {
    echo "test-real: no MySQL server can be fetched, so its tests are skipped: $(tail -n 1 "$scratch/log")"
    rm -rf "$scratch"
    return
  }
  mkdir -p "$folder"
  for package in "$scratch"/deb/*.deb; do dpkg -x "$package" "$folder"; done
  cat >"$folder/mysqld" <<'EOF'
#!/bin/sh
# MySQL with the C library it was built for, whatever this machine's is.
here=$(cd "$(dirname "$0")" && pwd)
for loader in "$here"/usr/lib/*-linux-gnu*/ld-linux*.so.*; do
  exec "$loader" --library-path "$(dirname "$loader")" "$here/usr/sbin/mysqld" "$@" \
    --basedir="$here/usr" --lc-messages-dir="$here/usr/share/mysql" --plugin-dir="$here/usr/lib/mysql/plugin"
done
EOF
  chmod +x "$folder/mysqld"
  rm -rf "$scratch"
}

unpack_mysql

# install_venv FOLDER PINS WHAT: once, and again when its pins change.
install_venv() {
  local folder=$1 pins=$2 what=$3 stamp=$1/.lab-setup log
  [ -e "$stamp" ] && [ ! "$pins" -nt "$stamp" ] && return
  echo "test-real: installing $what into $(basename "$folder") (once)"
  [ -x "$folder/bin/python" ] || "${PYTHON:-python3}" -m venv "$folder" || fail "python3 -m venv did not work"
  log=$(mktemp)
  timeout 900 "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$pins" >"$log" 2>&1 \
    || fail "$what cannot be installed: $(grep -v WARNING "$log" | tail -n 1)"
  touch "$stamp"
}

install_venv "$venv" "$pins" "a real MLflow"
install_venv "$here/../../.venv-api" "$here/requirements-api.txt" "schemathesis"
install_venv "$here/../../.venv-mlflow-2" "$here/requirements-mlflow-2.txt" "MLflow 2.22.5, to migrate from"
install_venv "$here/../../.venv-mlflow-3" "$here/requirements-mlflow-3.txt" "MLflow 3.1.4, to migrate from"
