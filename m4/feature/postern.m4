divert(-1)
dnl
dnl Postern: all of it, in the order in which it must be.
dnl
dnl	FEATURE(`postern')			relay, virus and filter
dnl	FEATURE(`postern', `relay virus')	what is named
dnl	FEATURE(`postern', `one-pass')		all in postern-milter(8)
dnl
dnl	relay	FEATURE(`postern_relay', `socket'), then
dnl		FEATURE(`postern_relay_milter'): what may not be relayed is
dnl		refused before anything is scanned
dnl	virus	FEATURE(`postern_virus')
dnl	filter	FEATURE(`postern_filter'), which may discard: so it comes last
dnl	one-pass	FEATURE(`postern_relay', `socket'), then
dnl		FEATURE(`postern_one_pass'); the others are in it
dnl
dnl For sockets and timeouts of your own, use these FEATUREs in this order.
dnl Must come before other INPUT_MAIL_FILTERs and before MAILER().
dnl See postern-m4(7).
dnl
divert(0)
VERSIONID(`postern.m4')
divert(-1)

define(`_POSTERN_WORDS_', ifelse(len(X`'_ARG_), `1',
	` relay virus filter ', ` _ARG_ '))
define(`_POSTERN_HAS_', `eval(index(defn(`_POSTERN_WORDS_'), ` $1 ') >= 0)')
define(`_POSTERN_CHECK_', `ifelse(`$1', `', `', index(`$1', ` '), `0',
	`_POSTERN_CHECK_(substr(`$1', 1))',
	`_POSTERN_CHECK_WORD_(substr(`$1', 0, index(`$1', ` ')))_POSTERN_CHECK_(substr(`$1',
	index(`$1', ` ')))')')
define(`_POSTERN_CHECK_WORD_', `ifelse(`$1', `relay', `', `$1', `virus', `',
	`$1', `filter', `', `$1', `one-pass', `_POSTERN_ALONE_()',
	`errprint(`*** ERROR: FEATURE(`postern'): unknown: $1
')')')
define(`_POSTERN_ALONE_', `ifelse(defn(`_POSTERN_WORDS_'), ` one-pass ', `',
	`errprint(`*** ERROR: FEATURE(`postern'): one-pass is relay, virus and filter: name nothing else
')')')
_POSTERN_CHECK_(defn(`_POSTERN_WORDS_'))
ifdef(`confINPUT_MAIL_FILTERS', `ifelse(confINPUT_MAIL_FILTERS, `', `',
	`errprint(`*** WARNING: FEATURE(`postern') after INPUT_MAIL_FILTER: relay-milter is not the first
')')')
ifelse(_POSTERN_HAS_(`one-pass'), `1', `FEATURE(`postern_relay', `socket')
FEATURE(`postern_one_pass')')
ifelse(_POSTERN_HAS_(`relay'), `1', `FEATURE(`postern_relay', `socket')
FEATURE(`postern_relay_milter')')
ifelse(_POSTERN_HAS_(`virus'), `1', `FEATURE(`postern_virus')')
ifelse(_POSTERN_HAS_(`filter'), `1', `FEATURE(`postern_filter')')
