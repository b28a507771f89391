# Tests.  `make check` runs every tier below; t/run sums their JUnit reports.
test_progs += unit-tests
unit-tests_srcs := $(wildcard t/unit/*.cc t/fuzz/*.cc)
unit-tests_libs := boost_unit_test_framework clamav

# What takes time is in the libraries; optimizing the tests themselves would
# take more of it than running them.
$(call objs,$(unit-tests_srcs)): cxxflags += -U_FORTIFY_SOURCE -O0

# Programs that tests start: a milter that obeys, one that does nothing, the
# login listeners alone, and one that asks about accounts.
test_progs += test-milter bench-null-milter bench-milter-load bench-grants \
	bench-decide bench-scan-model bench-filter-engine login-sink account-check \
	chain-milters
chain-milters_srcs := t/tools/chain_milters.cc
account-check_srcs := t/tools/account_check.cc
login-sink_srcs := t/tools/login_sink.cc
test-milter_srcs := t/protocol/test_milter.cc
bench-null-milter_srcs := t/bench/null_milter.cc
bench-milter-load_srcs := t/bench/milter_load.cc
bench-scan-model_srcs := t/bench/scan_model.cc
bench-scan-model_libs := clamav
bench-filter-engine_srcs := t/bench/filter_engine.cc
bench-grants_srcs := t/bench/grants.cc
bench-decide_srcs := t/bench/decide.cc

# Loaded into virus-scanner by tests, in the place of libclamav's own scan.
captured := $(bin)/captured.so
$(captured): t/tools/captured.cc
	@mkdir -p $(@D)
	$(LAUNCHER) $(CXX) -std=c++20 -O1 -g -Wall -Wextra -fPIC -shared -o $@ $< \
		-lclamav

# All of them, and the programs under test, in one go on all cores; only a
# release is worth a benchmark.
tests: all $(addprefix $(bin)/,$(if $(filter release,$(VARIANT)), \
	$(test_progs),$(filter-out bench-%,$(test_progs)))) $(captured)
on_all_cores = --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),, \
	-j$(shell nproc 2>/dev/null || echo 2))
helpers = $(addprefix $(bin)/,$(filter-out unit-tests,$(test_progs))) \
	$(captured)

# VARIANT=asan builds of the same programs are for unit and protocol tests.
check: prepared
	@$(MAKE) $(on_all_cores) tests
	@$(MAKE) $(on_all_cores) VARIANT=asan tests
	@$(PYTHON) t/run unit unit-asan protocol protocol-asan diff e2e

check-unit: $(bin)/unit-tests
	@$(PYTHON) t/run unit

check-protocol: all $(helpers)
	@$(PYTHON) t/run protocol

check-diff: all
	@$(PYTHON) t/run diff

check-e2e: all $(helpers)
	@$(PYTHON) t/run e2e

demo: prepared
	@$(MAKE) $(on_all_cores) all
	@PYTHONPATH=t t/own-network $(PYTHON) t/demo/demo.py

bench: prepared
	@$(MAKE) $(on_all_cores) tests
	@t/bench/run

# What the only command of a newcomer needs first.
prepared:
	@contrib/deps install

lint:
	@t/lint

tidy:
	@clang-tidy --quiet $(libpolicy_srcs) $(libmilters_srcs) -- $(cppflags) \
		-std=c++20

.PHONY: tests bench check check-unit check-protocol check-diff check-e2e demo \
	prepared lint tidy

# libFuzzer on one target after the other, a minute each: make fuzz.  All are
# linked of the same instrumented objects; what they find stays in
# build/fuzz/NAME, and what crashes in build/fuzz/NAME-crash-*.
FUZZ_SECONDS ?= 60
fuzz_targets := recipe pattern expansion message
fuzz: prepared
	@$(MAKE) $(on_all_cores) VARIANT=fuzz $(fuzz_targets:%=build/fuzz/bin/fuzz-%)
	@$(MAKE) --no-print-directory $(addprefix fuzz-,$(fuzz_targets))

build/fuzz/bin/fuzz-%: t/fuzz/recipe_fuzz.cc build/fuzz/libpolicy.a
	@mkdir -p $(@D)
	$(LAUNCHER) $(CXX) $(cxxflags) $(cppflags) -DFUZZ_TARGET=$* -c \
		-o build/fuzz/obj/fuzz-$*.o $<
	$(CXX) $(ldflags) -fsanitize=fuzzer -o $@ build/fuzz/obj/fuzz-$*.o \
		build/fuzz/libpolicy.a $(addprefix -l,$(libs))

fuzz-%:
	@$(MAKE) $(on_all_cores) VARIANT=fuzz build/fuzz/bin/$@
	@mkdir -p build/fuzz/$*
	build/fuzz/bin/$@ -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=5 \
		-artifact_prefix=build/fuzz/$*- -print_final_stats=1 \
		build/fuzz/$* t/fuzz/corpus/$*

.PHONY: fuzz
