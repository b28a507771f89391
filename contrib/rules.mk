# What goes onto the hosts where people log in.
progs += postern-postlogin
postern-postlogin_srcs := contrib/dovecot/postlogin.cc

# The PAM module stands alone: no C++ library, no sanitizer, nothing exported
# but its entry point.
pam_module := $(if $(wildcard /usr/include/security/pam_modules.h), \
	$(out)/pam_postern.so)
$(out)/pam_postern.so: contrib/pam/pam_postern.cc contrib/login_report.h
	@mkdir -p $(@D)
	$(CXX) -std=c++20 -O2 -g -Wall -Wextra -Wpedantic -Wshadow -Wconversion \
		-fPIC -fno-exceptions -fno-rtti -fvisibility=hidden \
		-fstack-protector-strong $(cppflags) $(CPPFLAGS) -shared \
		-Wl,--as-needed -Wl,-z,relro,-z,now -Wl,-z,defs -o $@ $< -lpam
all: $(pam_module)

# Units, scripts and samples: contrib/host/install knows what goes where.
SYSTEM ?= $(shell uname -s)
install-host uninstall-host:
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SBINDIR='$(SBINDIR)' \
		DATADIR='$(DATADIR)' SYSTEM='$(SYSTEM)' \
		DEBIAN='$(DEBIAN)' \
		contrib/host/install $(@:-host=)

# build/postern_VERSION_ARCH.deb; the version is that of NEWS.md.
VERSION ?= $(shell sed -n 's/^## //p' NEWS.md | head -n 1)
deb: all
	@contrib/deb/build '$(VERSION)'

.PHONY: install-host uninstall-host deb
