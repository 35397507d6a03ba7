# Versions of the tools that go fetches: to change one, change it here.
GOTESTSUM     = go run gotest.tools/gotestsum@v1.13.0
GOLANGCI_LINT = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BENCHSTAT     = go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

# What can be chosen, as in: make bench BENCH=Rank PACKAGES=./selection
PACKAGES = ./...
BENCH    = .
COUNT    = 6
FUZZTIME = 30s

# Runs a command beside a throwaway PostgreSQL server that is gone when it ends.
WITH_POSTGRES = .cache/bin/withpostgres

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run build assets test test-fast cover bench fuzz fmt lint clean tools format-check

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: ## start the quickstart on a SQLite file under ./data
	scripts/install-assets --optional
	@go build -o .cache/bin/ ./examples/quickstart
	@exec .cache/bin/quickstart # not go run, which calls Ctrl-C a failure

build: ## compile everything, the example programs into ./bin
	scripts/install-assets --optional
	go build ./...
	go build -o bin/ ./examples/...

assets: ## fetch the dashboard's browser scripts through npm
	scripts/install-assets

test: tools format-check ## set up what is needed and run all tests, with the race detector
	go vet -race $(PACKAGES)
	$(WITH_POSTGRES) $(GOTESTSUM) --format standard-quiet --jsonfile .cache/test.json -- \
		-race -count=1 -timeout 9m $(PACKAGES)
	scripts/find-skips .cache/test.json
	scripts/find-canaries .cache/test.json

test-fast: tools ## run all tests without the race detector
	$(WITH_POSTGRES) go test -count=1 -timeout 9m $(PACKAGES)

cover: tools ## run all tests and print which part of the code they reach
	$(WITH_POSTGRES) go test -timeout 9m -coverpkg=./... -coverprofile=cover.out $(PACKAGES)
	go tool cover -func=cover.out | tail -n 1

bench: tools ## run the benchmarks: raw results in .cache/bench.txt, then a summary
	$(WITH_POSTGRES) go test -run '^$$' -bench '$(BENCH)' -benchmem -count=$(COUNT) -timeout 2h $(PACKAGES) \
		| tee .cache/bench.txt
	$(BENCHSTAT) .cache/bench.txt

fuzz: ## run each fuzz target for FUZZTIME
	scripts/fuzz $(FUZZTIME)

fmt: ## format the code
	gofmt -s -w .

lint: ## run the linters (the first time builds them, which takes minutes)
	$(GOLANGCI_LINT) run $(PACKAGES)

clean: ## remove what these targets made
	rm -rf bin .cache cover.out examples/dashboard/node_modules examples/dashboard/server/npm/*.{js,txt}

# Debian's and npm's packages that the tests need, and the programs of our own.
tools:
	scripts/install-test-tools
	scripts/install-assets
	go build -buildvcs=false -o .cache/bin/ ./internal/tools/withpostgres

format-check:
	@files=$$(gofmt -s -l .); [[ -z $$files ]] || { echo "Not formatted (make fmt does it):"; echo "$$files"; exit 1; }
