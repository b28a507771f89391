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
define(`_POSTERN_NUMBER_', translit(_POSTERN_DEADLINE_, `ms', `'))
ifelse(eval(len(X`'_POSTERN_NUMBER_) < 2), `1',
	`errprint(`*** ERROR: FEATURE(`postern_virus'): not minutes or seconds: '_POSTERN_DEADLINE_
)',
	len(translit(_POSTERN_NUMBER_, `0123456789', `')), `0', `',
	`errprint(`*** ERROR: FEATURE(`postern_virus'): not minutes or seconds: '_POSTERN_DEADLINE_
)define(`_POSTERN_NUMBER_', `4')')
define(`_POSTERN_EOM_', ifelse(index(_POSTERN_DEADLINE_, `s'), `-1',
	`eval(_POSTERN_NUMBER_ + 1)m', `eval(_POSTERN_NUMBER_ + 60)s'))
_POSTERN_MILTER_(`virus-milter', _ARG_, _ARG2_,
	`C:30s;S:30s;R:30s;E:'_POSTERN_EOM_, `unix:/run/postern/virus.sock')
