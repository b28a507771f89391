divert(-1)
dnl
dnl Postern: filter-milter(8).
dnl
dnl	FEATURE(`postern_filter')
dnl	FEATURE(`postern_filter', `unix:/run/postern/filter.sock', `T')
dnl
dnl See postern-m4(7).
dnl
divert(0)
VERSIONID(`postern_filter.m4')
divert(-1)

include(_CF_DIR_`'feature/postern_milter.m4)
_POSTERN_MILTER_(`filter-milter', _ARG_, _ARG2_, `C:30s;S:30s;R:30s;E:5m',
	`unix:/run/postern/filter.sock')
