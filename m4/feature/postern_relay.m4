divert(-1)
dnl
dnl Postern: POP-before-SMTP in sendmail's own rulesets.
dnl
dnl	FEATURE(`postern_relay')
dnl		looks clients up in the hash file /etc/mail/relayers.db, which
dnl		relay-milter and vsmtprelay(8) write.  No daemon is needed, but
dnl		rulesets cannot tell the time: an entry counts until it is
dnl		taken out, by relay-milter or by `vsmtprelay expire' from cron.
dnl
dnl	FEATURE(`postern_relay', `socket')
dnl	FEATURE(`postern_relay', `unix:/run/postern/map.sock')
dnl	FEATURE(`postern_relay', `inet:PORT@127.0.0.1')
dnl		asks relay-milter, which knows how long a grant lasts, whose it
dnl		is, networks, and what other hosts know (Redis).
dnl
dnl	FEATURE(`postern_relay', `hash -T<TMPF> /some/where/relayers')
dnl		any other map, as on a K line; -T<TMPF> is required.
dnl
dnl A client that is listed gets the rights of SMTP AUTH: it may relay, and with
dnl FEATURE(`delay_checks') it skips the checks of MAIL and of the connection,
dnl while To: entries refuse it all the same.  If the map does not answer, a
dnl recipient that is not delivered here gets 451 and nothing is relayed.
dnl
dnl Must come before MAILER().  See relay-milter(8), relayers.db(5).
dnl
divert(0)
VERSIONID(`postern_relay.m4')
divert(-1)

define(`_POSTERN_SPEC_', `ifelse(defn(`_ARG_'), `',
	`hash -T<TMPF> MAIL_SETTINGS_DIR`'relayers',
	defn(`_ARG_'), `socket',
	`socket -T<TMPF> -d5s unix:/run/postern/map.sock',
	index(defn(`_ARG_'), `unix:'), `0', `socket -T<TMPF> -d5s _ARG_',
	index(defn(`_ARG_'), `inet:'), `0', `socket -T<TMPF> -d5s _ARG_',
	index(defn(`_ARG_'), `inet6:'), `0', `socket -T<TMPF> -d5s _ARG_',
	`_ARG_')')
ifelse(index(_POSTERN_SPEC_, `-T<TMPF>'), `-1',
	`errprint(`*** ERROR: FEATURE(`postern_relay'): the map needs -T<TMPF>, or a dead map would not be noticed
')')
ifelse(index(_POSTERN_SPEC_, ` -o '), `-1', `',
	`errprint(`*** ERROR: FEATURE(`postern_relay'): a map with -o is silently empty when it is missing
')')

LOCAL_CONFIG
# POP-before-SMTP: client address -> seconds since the epoch of its login
Krelayers _POSTERN_SPEC_
# an entry counts only if it begins with a number
Kpostern_login regex -a<LOGIN> ^[0-9]+([^0-9].*)?$

LOCAL_RULESETS
######################################################################
###  Local_Relay_Auth: has this client just logged in by POP or IMAP?
###	Input: ${auth_type}; what it returns is explained in proto.m4.
######################################################################
SLocal_Relay_Auth
# who has used SMTP AUTH needs no other login
R$={TrustAuthMech}	$@ CONTINUE
# local submission and loopback are not asked about
R$*			$: $&{client_addr}
R$@			$@ CONTINUE
R0			$@ CONTINUE
R127.$*			$@ CONTINUE
RIPv6:0:0:0:0:0:0:0:1	$@ CONTINUE
RIPv6:::1		$@ CONTINUE
R$*			$: < $(relayers $1 $: <> $) >
R< <> >			$@ CONTINUE
# the map did not answer: nothing is relayed, local recipients go on
R< $* <TMPF> >		$: <TMPF> $&{rcpt_mailer}
R<TMPF> local		$@ CONTINUE
R<TMPF> $*		$#error $@ 4.3.0 $: "451 Temporary system failure. Please try again later."
R< $+ >			$: $(postern_login $1 $)
R$* <LOGIN>		$# RELAY
R$*			$@ CONTINUE
