# The developer's and the demo's front door. `make` alone lists the targets.

MAKEFLAGS += --no-print-directory
# What the user's own shell has set does not decide what is found: neither who may read new files, nor the language, nor
# what steers Ansible, molecule and the libraries. tests/conftest.py does it for a test that is run alone.
SHELL := .ci/shell
.SHELLFLAGS := -c
unexport $(filter-out ANSIBLE_HOME,$(filter ANSIBLE_% MOLECULE_% TCP_% LIBKEEPALIVE_% LD_PRELOAD LANGUAGE,$(.VARIABLES)))
export LC_ALL := C.UTF-8
.DEFAULT_GOAL := help

# The demo holds in a folder with a blank in its path; the tests start .venv's Python from first lines (#!), which do not.
ifneq ($(word 2,$(CURDIR)),)
ifneq ($(filter test%,$(MAKECMDGOALS)),)
$(error the path of this checkout has a blank, with which the tests cannot be run: '$(CURDIR)'; clone it to another folder)
endif
endif

VENV := .venv
VENV_READY := $(VENV)/.ready
LINK := .ansible/collections/ansible_collections/netops/keepalive
SUITES := bullseye bookworm trixie
FIELD_SUITES := bookworm-field trixie-field forky
BPF_SUITES := bullseye-bpf bookworm-bpf trixie-bpf
LAB := tests/hosts/demo/inventory

# Debian packages: for the demo (Python, and hosts in podman), and what the tests need besides. DEPS= on the command line
# leaves them to you.
DEPS_DEMO := python3 python3-venv openssh-client mmdebstrap debian-archive-keyring \
             podman runc netavark aardvark-dns iptables iproute2 nftables
DEPS_TEST := $(DEPS_DEMO) git gcc libc6-dev python3-dev g++ shellcheck clang libclang-rt-dev \
             binutils musl-tools cppcheck valgrind strace \
             man-db mandoc libjemalloc2 google-perftools libfaketime torsocks proxychains4 libkeepalive0 libdontdie0 \
             curl perl rsync \
             $(if $(filter x86_64,$(shell uname -m)),gcc-multilib)
# What `make test-all` needs besides: other processors and kernels, real clients, a browser for the HTML report, promtool
# for the alerts. Not for `make test`: the browser is large, and Debian's prometheus starts itself where systemd runs.
DEPS_ALL := $(DEPS_TEST) $(if $(filter x86_64,$(shell uname -m)),qemu-system-x86) qemu-user binutils-aarch64-linux-gnu libc6-dev-arm64-cross \
            binutils-riscv64-linux-gnu libc6-dev-riscv64-cross \
            postgresql-client redis-tools php-cli nodejs default-jdk-headless \
            chromium chromium-driver prometheus
DEPS := $(DEPS_TEST)

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.ansible/collections
export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifdef CI
export NO_COLOR := 1
endif

.PHONY: help
help: ## say what there is
	@echo 'make TARGET, with TARGET one of:'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

# ---------------------------------------------------------------- what the rest needs

.PHONY: deps deps-demo
deps: ## install the Debian packages that the tests need (as root, or with sudo)
	@.ci/deps $(DEPS)

deps-demo:
	@.ci/deps $(filter $(DEPS_DEMO),$(DEPS))

.PHONY: venv
venv: $(VENV_READY) $(LINK) ## make .venv with ansible-core, molecule and the linters (about 35 s)

$(VENV_READY): requirements-dev.txt | deps-demo
	@if [ -L $(VENV) ]; then \
	    echo '$(VENV) is a link: the environment of another checkout is left as it is' >&2; \
	else \
	    python=$$(.ci/python); \
	    .ci/quiet "Making $(VENV) with $$python" "$$python" -m venv --clear $(VENV); \
	    .ci/quiet "Installing requirements-dev.txt into it (about 35 s)" $(VENV)/bin/pip install -r requirements-dev.txt; \
	    touch $@; \
	fi

# The checkout is the installed collection.
$(LINK):
	@mkdir -p $(@D) && ln -sfn ../../../.. $@

.PHONY: hosts
hosts: deps-demo ## make the images of the test hosts (about 90 s, once)
	@tests/hosts/images $(SUITES)

# ---------------------------------------------------------------- demo

.PHONY: demo
demo: deps-demo venv hosts ## three hosts with services, keepalive on them, and a report
	@.ci/quiet 'Starting three hosts (about 3 s)' ansible-playbook -i $(LAB) tests/hosts/create.yml
	@.ci/quiet 'Installing the services of the demo (about 10 s)' ansible-playbook -i $(LAB) tests/hosts/services.yml
	ansible-playbook -i $(LAB) enable-keepalive.yml -e keepalive_report_table=true
	@echo
	@echo 'Look around (all from this folder; first: export PATH="$(CURDIR)/$(VENV)/bin:$$PATH"):'
	@echo '  ansible-playbook -i $(LAB) enable-keepalive.yml --check --diff     again: nothing to change'
	@echo '  ansible -i $(LAB) lab -a "ss -tnoe"                                the timers, as the kernel has them'
	@echo '  tests/hosts/run podman exec -it keepalive-demo-bookworm1 bash                           a shell on a host'
	@echo '  ansible-playbook -i $(LAB) disable-keepalive.yml                   take everything away again'
	@echo 'Take the hosts down:  make demo-down'

.PHONY: demo-down
demo-down: venv ## take the demo's hosts down
	@.ci/quiet 'Taking the hosts of the demo down' ansible-playbook -i $(LAB) tests/hosts/destroy.yml

# ---------------------------------------------------------------- tests

# Each of these leaves a core idle now and then (the images as well, for the scenarios): they run side by side, with the
# longest first.
PARTS_TOGETHER := test-unit test-sanity hosts test-lint test-c test-docs test-build
PARTS := test-molecule

.PHONY: test $(filter test-%,$(PARTS_TOGETHER)) $(PARTS)
test: deps venv ## all but the scenarios side by side, then the scenarios (about 18 minutes)
	@.ci/steps $(PARTS_TOGETHER) -- $(PARTS)

.PHONY: deps-all test-all test-slow
deps-all:
	@.ci/deps $(filter-out $(if $(DEPS),,%),$(DEPS_ALL))

# After `make test`, for whose scenarios the images of all hosts are made at once: the long scenarios, which wait again and
# again, and beside them what takes what they leave. The longest first.
PARTS_LONG := test-long test-fuzz test-pythons test-matrix test-slow test-kernels

test-all: deps-all venv ## test, then side by side test-long, an hour of fuzzing, test-pythons, test-matrix, test-slow, test-kernels (about 100 minutes)
	@.ci/steps $(PARTS_TOGETHER:hosts=hosts-all) -- $(PARTS) -- $(PARTS_LONG)

.PHONY: hosts-all
hosts-all: deps-demo
	@tests/hosts/images $(SUITES) $(FIELD_SUITES) $(BPF_SUITES)

test-slow: venv ## the tests of the C code that need heavy packages: other processors, real clients
	@status=0; pytest tests/csrc -m slow || status=1; pytest tests/unit -m slow || status=1; exit $$status

# Debian's own kernels, in qemu: what a BPF program reaches and what can be read differs between them.
.PHONY: test-kernels
test-kernels: ## what BPF programs reach on Linux 5.10, 6.1 and 6.12 (x86-64; 4 minutes; logs in ~/.cache/keepalive-lab)
ifeq ($(shell uname -m),x86_64)
	@tests/kernels/run $(SUITES)
else
	@echo 'test-kernels: only on x86-64, whose kernels are booted'
endif

CORES := 2.15 2.16 2.17 2.18 2.19 2.20 2.21
.PHONY: test-matrix
test-matrix: venv hosts ## each supported ansible-core on the controller, with a Python of its own, and one that is refused (12 minutes; CORES=)
	@tests/matrix/run $(CORES)

# The oldest that is supported, and those of Debian 11, 12, 13 and testing.
PYTHONS := 3.8 3.9 3.11 3.13 3.14
.PHONY: test-pythons
test-pythons: venv ## the unit tests of what runs on hosts, with the oldest Python and Debian's that are here (3 minutes each; PYTHONS=)
	@tests/hosts/images $(filter forky,$(FIELD_SUITES))
	@tests/pythons/run $(PYTHONS)

LINTERS := lint-ruff lint-format lint-shell lint-types lint-ansible
.PHONY: $(LINTERS)
test-lint: venv ## ruff, mypy, shellcheck and ansible-lint --profile production (about 80 s)
	@$(MAKE) --keep-going --jobs=2 --output-sync=target $(LINTERS)

lint-ruff:
	@.ci/quiet 'ruff check' ruff check --output-format concise .

lint-format:
	@.ci/quiet 'ruff format' ruff format --diff .

lint-shell:
	@.ci/quiet 'shellcheck' .ci/shellcheck

# From the folder that holds ansible_collections, so that mypy knows the modules by their full names.
lint-types:
	@cd .ansible/collections && $(CURDIR)/.ci/quiet 'mypy' mypy --config-file $(CURDIR)/pyproject.toml \
	    --cache-dir $(CURDIR)/.mypy_cache ansible_collections/netops/keepalive/plugins

# In a copy: ansible-lint installs things beside what it reads.
lint-ansible:
	@.ci/quiet 'ansible-lint' .ci/in-tree ansible-lint --strict --profile production

test-docs: venv ## the documentation of plugins and roles, and the changelog (about 5 s)
	@.ci/quiet 'antsibull-docs' .ci/in-tree antsibull-docs lint-collection-docs --plugin-docs --check-extra-docs-refs \
	    --validate-collection-refs=all --disallow-unknown-collection-refs .
	@.ci/quiet 'antsibull-changelog' .ci/in-tree antsibull-changelog lint

test-build: venv ## build the artifact amid strays, install and use it elsewhere, import it as Galaxy does (about 25 s)
	@.ci/in-tree python3 $(CURDIR)/.ci/artifact.py

test-sanity: venv ## ansible-test sanity, all tests, on what is installed (about 80 s)
	@.ci/ansible-test sanity

# With pytest alone: ansible-test units would install an environment for each run and know no hypothesis.
test-unit: venv ## the tests of the Python code
	@pytest tests/unit -n auto

test-c: venv ## the tests of the C code
	@pytest tests/csrc -n auto

# What needs many hosts, many reboots, many kills or much traffic, and the walk of a page of the documentation. Both lists
# have the longest first, so that none of them is left to run alone at the end; a new scenario runs before the
# short ones that are named here.
LONG_SCENARIOS := kills fleet monitor host_wide bpf field without_restart forky first_hour upgrade
SHORT_SCENARIOS := faults hostile audit default bad_libraries mixed_fleet live_sockets dead_network filtered hardened
SCENARIOS := $(filter-out $(LONG_SCENARIOS) $(SHORT_SCENARIOS),$(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml))) $(SHORT_SCENARIOS)

test-molecule: venv hosts ## the scenarios in molecule/, on the test hosts, but for the long ones
	@.ci/molecule-all $(SCENARIOS)

.PHONY: test-long
test-long: venv hosts ## the long scenarios: Debian testing, a fleet of ten hosts, the host-wide mode, no restart under traffic, services of all kinds, killed rollouts, BPF programs, monitoring, the upgrade from 0.1.0, the first hour (about an hour)
	@tests/hosts/images $(FIELD_SUITES) $(BPF_SUITES)
	@.ci/molecule-all $(LONG_SCENARIOS)

.PHONY: bench bench-sockets bench-host bench-rollout fuzz
bench: venv ## what the libraries cost, beside others of their kind (2 minutes; JSON in .cache/bench-csrc.json)
	@mkdir -p .cache
	@python3 bench/csrc.py --json .cache/bench-csrc.json

bench-sockets: venv ## what reading and setting open sockets costs, beside ss and lsof (2 minutes; JSON in .cache/bench-sockets.json)
	@mkdir -p .cache
	@python3 bench/sockets.py --json .cache/bench-sockets.json

bench-host: venv ## what reading, setting and auditing 100,000 connections costs, beside ss; as root (3 minutes; JSON in .cache/bench-host.json)
	@mkdir -p .cache
	@python3 bench/host.py --json .cache/bench-host.json

bench-rollout: venv hosts ## what a rollout costs, beside a playbook written by hand (100 minutes; JSON in .cache/bench-rollout.json)
	@mkdir -p .cache
	@python3 bench/rollout.py --json .cache/bench-rollout.json

.PHONY: bench-report
bench-report: venv ## how long the HTML page of 2,000 hosts takes to be made, to open and to filter, in Chromium (20 seconds)
	@python3 bench/report.py

FUZZ_SECONDS := 600
# Of a processor, in all: a quarter for each of the two targets in C, half for the tests in Python, which share it. What has
# failed is tried first the next time: .cache/fuzz/crash-*, .hypothesis.
fuzz: deps venv ## look for inputs that break the parsers in C and in Python (10 minutes of a processor: FUZZ_SECONDS=…; corpus in .cache/fuzz)
	@status=0; CPU_SECONDS=$$(($(FUZZ_SECONDS) / 4)) tests/csrc/fuzz/run .cache/fuzz || status=1; \
	FUZZ_SECONDS=$$(($(FUZZ_SECONDS) / 2)) pytest tests/unit/fuzz -n auto || status=1; exit $$status

# For an hour in all, with what others leave of the machine: what counts is the time of a processor that it got.
.PHONY: test-fuzz
test-fuzz: FUZZ_SECONDS := 3600
test-fuzz: deps venv
	@nice -n 19 $(MAKE) fuzz FUZZ_SECONDS=$(FUZZ_SECONDS)

SEED := 1
COUNT := 200
.PHONY: mutants-c mutants-python
mutants-c: deps venv ## change the C code in small ways and see the tests fail (an hour; SEED=…, COUNT=…; tests/mutants/README.md)
	@SEED=$(SEED) COUNT=$(COUNT) python3 tests/mutants/c.py

mutants-python: venv ## break the Python code in small ways that the unit tests should notice (an hour: SEED=…, COUNT=…)
	@python3 tests/mutants/python.py --seed $(SEED) --count $(COUNT)

# ---------------------------------------------------------------- tidying

.PHONY: release clean hosts-down
release: venv ## set the version and write the changelog (VERSION=X.Y.Z; see CONTRIBUTING.md)
	@.ci/release "$(VERSION)"

clean: ## remove what was made in this folder
	@rm -rf $(VENV) .ansible .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache csrc/build netops-keepalive-*.tar.gz
	@find . -name __pycache__ -prune -exec rm -rf {} +

hosts-down: ## remove all test hosts, their networks, images and the cache
	@tests/hosts/remove-all
