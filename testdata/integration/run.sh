#!/usr/bin/env bash
# The integration tests: sgtrim and the scripts it writes against real programs on loopback. Installs what it can (below
# this folder) and says what it lacks. With CI set, a lack is a failure.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
go=${GO:-go}
lacks=()

cd "$here"
mkdir -p bin

# The AWS CLI and moto: the machine's own where it has both, else from PyPI into .venv.
if [ -x .venv/bin/aws ] && [ -x .venv/bin/moto_server ]; then
  PATH=$here/.venv/bin:$PATH
elif ! { command -v aws && command -v moto_server; } >/dev/null; then
  echo "== installing the AWS CLI and moto into testdata/integration/.venv"
  if python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check 'moto[server]>=5.1,<6' 'awscli>=1.40,<2'; then
    PATH=$here/.venv/bin:$PATH
  else
    rm -rf .venv
  fi
fi
for program in aws moto_server; do
  command -v "$program" >/dev/null || lacks+=("$program")
done

# The S3 server, from the tools of this folder's module.
echo "== building versitygw"
"$go" build -o bin/versitygw github.com/versity/versitygw/cmd/versitygw || lacks+=(versitygw)
PATH=$here/bin:$PATH

echo "== building sgtrim"
(cd "$root" && CGO_ENABLED=0 "$go" build -o "$here/bin/sgtrim" ./cmd/sgtrim)
export PATH

# What judges report.html in the browser tests.
browser=$root/testdata/browser
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || lacks+=(chromium)
if [ ! -e "$browser/node_modules/axe-core/axe.min.js" ]; then
  npm install --prefix "$browser" --no-save --no-audit --no-fund --silent axe-core@4.14.1 || lacks+=(axe-core)
fi

if command -v aws >/dev/null; then aws --version; fi
for program in ${lacks[@]+"${lacks[@]}"}; do
  echo "== LACKING: $program; the tests that need it are skipped"
done

# Every test with the build tag integration, wherever it is in the main module.
cd "$root"
failed=0
while read -r package; do
  tests=$(grep -l '^//go:build integration$' "$package"/*_test.go | xargs grep -ho '^func Test[A-Za-z0-9_]*' | cut -c6- | paste -sd '|' -)
  echo "== $package: $tests"
  "$go" test -pgo=off -count=1 -timeout 40m -tags integration -run "^($tests)\$" "./$package" || failed=1
done < <(git grep -l '^//go:build integration$' -- '*_test.go' ':!testdata/integration' | xargs -n1 dirname | sort -u)

echo "== the round trip"
(cd "$here" && "$go" test -count=1 -timeout 40m ./...) || failed=1

echo "== the ledger and exports, read by DuckDB"
(cd "$root/testdata/duckdb" && CGO_ENABLED=1 "$go" test -count=1 -timeout 40m ./...) || failed=1
echo "== report.html in the browser"
(cd "$browser" && "$go" test -count=1 -timeout 20m ./...) || failed=1

if [ ${#lacks[@]} -gt 0 ]; then
  echo "== not all was run, for lack of: ${lacks[*]}"
  [ -z "${CI:-}" ] || failed=1
fi
exit $failed
