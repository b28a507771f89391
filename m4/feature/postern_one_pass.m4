divert(-1)
dnl
dnl Postern: postern-milter(8), which is relay-milter, virus-milter and
dnl filter-milter in one, and takes the place of their FEATUREs.
dnl
dnl	FEATURE(`postern_one_pass')
dnl	FEATURE(`postern_one_pass', `unix:/run/postern/postern.sock', `T', `5m')
dnl
dnl The last is virus.deadline and filter.time of postern.yaml(5) together, in
dnl minutes or seconds; the MTA waits a minute longer.  See postern-m4(7).
dnl
divert(0)
VERSIONID(`postern_one_pass.m4')
divert(-1)

include(_CF_DIR_`'feature/postern_milter.m4)
define(`_POSTERN_DEADLINE_', ifelse(len(X`'_ARG3_), `1', `5m', `_ARG3_'))
_POSTERN_MILTER_(`postern-milter', _ARG_, _ARG2_,
	`C:30s;S:30s;R:30s;E:'_POSTERN_WAIT_(`postern_one_pass', _POSTERN_DEADLINE_),
	`unix:/run/postern/postern.sock')
