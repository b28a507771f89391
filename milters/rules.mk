# Programs: one folder each, with a main.cc.  What is not a main.cc goes into
# libmilters.a, which unit tests link too.
libmilters_srcs += $(filter-out %/main.cc,$(wildcard milters/*/*.cc))
libs += milter event event_pthreads seccomp

$(foreach dir,$(patsubst milters/%/main.cc,%,$(wildcard milters/*/main.cc)), \
	$(eval prog := $(or $(name_of.$(dir)),$(dir))) \
	$(eval progs += $(prog)) \
	$(eval $(prog)_srcs := milters/$(dir)/main.cc))

# The one program that links the scanning library.  A milter that came to need
# it by accident would not link.
virus-scanner_libs += clamav

# Command lines are read once, and the headers of CLI11 keep an optimizer busy
# for as long as all of policy/ does.
$(call objs,$(shell grep -lE 'CLI/CLI.hpp|postern/options.h' milters/*/*.cc)): \
	cxxflags += -U_FORTIFY_SOURCE -O0
