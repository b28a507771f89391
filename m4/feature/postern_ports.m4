divert(-1)
dnl
dnl Postern: the ports of a mail host.
dnl
dnl	FEATURE(`postern_ports')	25, 587 and 5190, each for IPv6 and IPv4
dnl	FEATURE(`postern_ports', `inet')	where the kernel has no IPv6
dnl
dnl 587 is for submission: who has not used SMTP AUTH may not send.  5190 is 25
dnl again, for people whose network blocks 25.  See postern-m4(7).
dnl
divert(0)
VERSIONID(`postern_ports.m4')
divert(-1)

define(`_POSTERN_FAMILY_', ifelse(len(X`'_ARG_), `1', `inet6', `_ARG_'))
ifelse(_POSTERN_FAMILY_, `inet', `', _POSTERN_FAMILY_, `inet6', `',
	`errprint(`*** ERROR: FEATURE(`postern_ports'): inet or inet6, not '_POSTERN_FAMILY_
)')
define(`_NO_MSA_', `1')
DAEMON_OPTIONS(`Name=MTA, Family='_POSTERN_FAMILY_`, Port=smtp')
DAEMON_OPTIONS(`Name=MSA, Family='_POSTERN_FAMILY_`, Port=submission, M=Ea')
DAEMON_OPTIONS(`Name=ALT, Family='_POSTERN_FAMILY_`, Port=5190, M=E')
