# The policy library: every .cc below policy/.
libpolicy_srcs += $(wildcard policy/*.cc policy/*/*.cc)
libs += db-5.3 cdb yaml-cpp sasl2 hiredis crypto re2
