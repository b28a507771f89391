# The policy library: every .cc below policy/.
libpolicy_srcs += $(wildcard policy/*.cc policy/*/*.cc)
libs += db-5.3 cdb yaml-cpp sasl2 hiredis crypto re2 gmime-3.0 gobject-2.0 \
	glib-2.0
# GMime's own folders for the one file that includes it.
$(call objs,policy/recipe/decode.cc): cppflags += $(subst -I,-isystem , \
	$(shell pkg-config --cflags gmime-3.0 2>/dev/null))
