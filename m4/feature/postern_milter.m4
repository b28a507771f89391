divert(-1)
dnl
dnl Postern: what the FEATUREs of the milters share.  Not for the .mc file.
dnl
dnl	_POSTERN_MILTER_(`name', `socket', `F', `T', `default socket')
dnl		an INPUT_MAIL_FILTER that cannot let mail pass unseen: F= is T
dnl		(451 while the milter is down) or 4 (421 at the greeting).
dnl
dnl	_POSTERN_WAIT_(`feature', `4m')
dnl		a minute more than these minutes or seconds, for E: of T=
dnl
divert(0)
VERSIONID(`postern_milter.m4')
divert(-1)

define(`_POSTERN_SOCKET_OK_', `ifelse(
	index(`$1', `unix:/'), `0', `1', index(`$1', `local:/'), `0', `1',
	index(`$1', `inet:'), `0', `1', index(`$1', `inet6:'), `0', `1', `0')')

define(`_POSTERN_NO_TIME_',
	`errprint(`*** ERROR: FEATURE(`$1'): not minutes or seconds: $2
')5m')
define(`_POSTERN_WAIT_', `ifelse(
	eval(len(X`'translit(`$2', `ms', `')) < 2), `1',
	`_POSTERN_NO_TIME_(`$1', `$2')',
	len(translit(`$2', `0123456789ms', `')), `0',
	`ifelse(index(`$2', `s'), `-1', `eval(translit(`$2', `m', `') + 1)m',
	`eval(translit(`$2', `ms', `') + 60)s')',
	`_POSTERN_NO_TIME_(`$1', `$2')')')

define(`_POSTERN_MILTER_', `ifelse(`$2', `',
	`_POSTERN_MILTER_(`$1', `$5', `$3', `$4', `$5')',
	_POSTERN_SOCKET_OK_(`$2'), `0',
	`errprint(`*** ERROR: $1: not a socket: $2
')',
	`$3', `', `_POSTERN_MILTER_(`$1', `$2', `T', `$4', `$5')',
	ifelse(`$3', `T', `1', `$3', `4', `1', `0'), `0',
	`errprint(`*** ERROR: $1: F=$3 would lose mail or let it pass: T or 4
')',
	`ifelse(eval(index(`$2', `inet') == 0 && (index(`$2', `@127.') > 0 ||
	index(`$2', `@localhost') > 0 || index(`$2', `@::1') > 0 ||
	index(`$2', `@[::1]') > 0)), `1',
	`errprint(`*** WARNING: $1: an inet socket costs 40 ms a command; use unix:
')')
INPUT_MAIL_FILTER(`$1', `S=$2, F=$3, T=$4')')')
