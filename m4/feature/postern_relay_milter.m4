divert(-1)
dnl
dnl Postern: relay-milter(8), the guard behind the MTA's own relay rules.
dnl
dnl	FEATURE(`postern_relay_milter')
dnl	FEATURE(`postern_relay_milter', `unix:/run/postern/relay.sock', `T')
dnl
dnl See postern-m4(7).
dnl
divert(0)
VERSIONID(`postern_relay_milter.m4')
divert(-1)

include(_CF_DIR_`'feature/postern_milter.m4)
_POSTERN_MILTER_(`relay-milter', _ARG_, _ARG2_, `C:30s;S:30s;R:30s;E:5m',
	`unix:/run/postern/relay.sock')
