# Postern: milters and a policy library for sendmail hosts.  GNU make.
#
#   make            programs in build/bin
#   make demo       real sendmail refuses, grants and expires; needs nothing else
#   make check      every test; ends with "N passed, N failed"
#   make deps       install what is missing (Debian: apt-get)
#   make lint       layer rules, format, manual pages, shell scripts
#   make tidy       clang-tidy over policy and milters (slow)
#   make fuzz       libFuzzer on what reads foreign input, a minute a target
#   make bench      speed beside the peers, table and JSON
#   make install    DESTDIR= PREFIX=/usr/local; make uninstall takes it away
#   make deb        build/postern_VERSION_ARCH.deb
#   make clean
#
# VARIANT=release|debug|asan|tsan|cov|fuzz selects flags and the build folder.
# CXXFLAGS, CPPFLAGS and LDFLAGS are yours and come last; LAUNCHER=ccache goes
# before the compiler.

VARIANT ?= release
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/postern
CFDIR ?= /usr/share/sendmail/cf
PAMDIR ?= $(PREFIX)/lib/security
INSTALL ?= install
PYTHON ?= /usr/bin/python3

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

# Functions and lines for a backtrace; all of -g takes a third longer to build.
flags.release := -O2 -g1 -D_FORTIFY_SOURCE=2
flags.debug := -O0 -g3
flags.asan := -O1 -gline-tables-only -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
flags.tsan := -O1 -g -fsanitize=thread
flags.fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
flags.cov := -O0 -g --coverage
ifeq ($(flags.$(VARIANT)),)
$(error VARIANT is one of release, debug, asan, tsan, cov, fuzz; not '$(VARIANT)')
endif

# Clang builds the sanitized programs in half of g++'s time, and the sources
# stay good for both.  LAUNCHER=ccache is put before either.
ifeq ($(origin CXX),default)
CXX := $(if $(filter asan fuzz,$(VARIANT)),clang++,g++)
endif

out := build/$(VARIANT)
bin := $(if $(filter release,$(VARIANT)),build/bin,$(out)/bin)
objs = $(patsubst %.cc,$(out)/obj/%.o,$(1))

cxxflags := -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
	-D_GLIBCXX_ASSERTIONS -fPIE -fstack-protector-strong -pthread \
	$(flags.$(VARIANT))
cppflags := -I.
ldflags := -pie -Wl,--as-needed -Wl,-z,relro,-z,now -pthread \
	$(filter -fsanitize% --coverage,$(flags.$(VARIANT)))

# The rules.mk of each folder appends to these.
libpolicy_srcs :=
libmilters_srcs :=
progs :=        # programs that are installed
test_progs :=   # programs of the tests and benchmarks
libs :=         # shared libraries; the linker drops what a program needs not

# milters/NAME/main.cc makes the program NAME, or name_of.NAME
name_of.chain := postern-milter
name_of.filter := filter-milter
name_of.relay := relay-milter
name_of.scanner := virus-scanner
name_of.virus := virus-milter

include $(sort $(wildcard */rules.mk))

libpolicy := $(out)/libpolicy.a
libmilters := $(out)/libmilters.a
all: $(addprefix $(bin)/,$(progs))

$(out)/obj/%.o: %.cc | check-headers
	@mkdir -p $(@D)
	$(LAUNCHER) $(CXX) $(cxxflags) $(cppflags) -MMD -MP $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

$(libpolicy): $(call objs,$(libpolicy_srcs))
$(libmilters): $(call objs,$(libmilters_srcs))
%.a:
	@rm -f $@
	@$(AR) rcs $@ $^

# A program links its own NAME_srcs and what it needs of the two libraries.
define program
$(bin)/$(1): $(call objs,$($(1)_srcs)) $(libmilters) $(libpolicy)
	@mkdir -p $$(@D)
	$$(CXX) $(ldflags) -o $$@ $$^ $(addprefix -l,$(libs) $($(1)_libs)) \
		$$(LDFLAGS)
endef
$(foreach p,$(progs) $(test_progs),$(eval $(call program,$(p))))

-include $(shell find $(out)/obj -name '*.d' 2>/dev/null)

# One line for each missing library, with the package that has it.
check-headers:
	@contrib/deps check-headers

deps:
	@contrib/deps install

# What goes where: one line a kind of file, for install and uninstall alike.
m4_features := $(wildcard m4/feature/*.m4)
pages := $(wildcard man/*.[1-8])
samples := $(wildcard m4/cf/*.mc contrib/*/*.conf contrib/*/*.cf contrib/*/*.yaml \
	contrib/*/*.pattern contrib/*/*.pam)
page_dir = $(MANDIR)/man$(subst .,,$(suffix $(1)))

# $(call put,FOLDER,FILE): BSD's install has no -D.
put = $(INSTALL) -d $(DESTDIR)$(1) && $(INSTALL) -m 644 $(2) $(DESTDIR)$(1)/

install: all install-host
	$(INSTALL) -d $(DESTDIR)$(SBINDIR)
	$(INSTALL) -m 755 $(addprefix $(bin)/,$(progs)) $(DESTDIR)$(SBINDIR)
	$(call put,$(CFDIR)/feature,$(m4_features))
	$(foreach f,$(pages),$(call put,$(call page_dir,$(f)),$(f)) &&) true
	$(foreach f,$(samples),$(call put,$(DATADIR)/$(patsubst %/,%,$(dir $(f))),$(f)) &&) true
	$(foreach f,$(pam_module),$(call put,$(PAMDIR),$(f)))

# Configuration and data in /etc/mail and /var/lib/postern stay.
uninstall: uninstall-host
	rm -f $(addprefix $(DESTDIR)$(SBINDIR)/,$(progs)) \
		$(addprefix $(DESTDIR)$(CFDIR)/feature/,$(notdir $(m4_features))) \
		$(foreach f,$(pages),$(DESTDIR)$(call page_dir,$(f))/$(notdir $(f)))
	rm -f $(addprefix $(DESTDIR)$(PAMDIR)/,$(notdir $(pam_module)))
	rm -rf $(DESTDIR)$(DATADIR)

clean:
	rm -rf build/release build/debug build/asan build/tsan build/cov build/fuzz \
		build/bin build/test

.PHONY: all check-headers deps install uninstall clean
