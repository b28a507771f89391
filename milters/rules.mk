# Programs: one folder each, with a main.cc.  What is not a main.cc goes into
# libmilters.a, which unit tests link too.
libmilters_srcs += $(filter-out %/main.cc,$(wildcard milters/*/*.cc))
libs += milter event event_pthreads

$(foreach dir,$(patsubst milters/%/main.cc,%,$(wildcard milters/*/main.cc)), \
	$(eval prog := $(or $(name_of.$(dir)),$(dir))) \
	$(eval progs += $(prog)) \
	$(eval $(prog)_srcs := milters/$(dir)/main.cc))
