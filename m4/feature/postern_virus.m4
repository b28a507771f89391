divert(-1)
dnl
dnl Postern: virus-milter(8).
dnl
dnl	FEATURE(`postern_virus')
dnl	FEATURE(`postern_virus', `unix:/run/postern/virus.sock', `T', `4m')
dnl
dnl The last is virus.deadline of postern.yaml(5), in minutes or seconds: the
dnl MTA has to wait a minute longer, or mail that is still scanned is deferred.
dnl See postern-m4(7).
dnl
divert(0)
VERSIONID(`postern_virus.m4')
divert(-1)

include(_CF_DIR_`'feature/postern_milter.m4)
define(`_POSTERN_DEADLINE_', ifelse(len(X`'_ARG3_), `1', `4m', `_ARG3_'))
_POSTERN_MILTER_(`virus-milter', _ARG_, _ARG2_,
	`C:30s;S:30s;R:30s;E:'_POSTERN_WAIT_(`postern_virus', _POSTERN_DEADLINE_),
	`unix:/run/postern/virus.sock')
