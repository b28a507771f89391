"""Settings: /etc/mail/check_sendmail.conf, then the environment, then defaults."""
import os

DEFAULTS = {
    "SENDMAIL": "/usr/sbin/sendmail",
    "SENDMAIL_CF": "/etc/mail/sendmail.cf",
    "SENDMAIL_SUBMIT_CF": "/etc/mail/submit.cf",
    "SENDMAIL_FLAGS": "-L sm-mta -bd -q30m",
    "SENDMAIL_MSPQ_FLAGS": "-L sm-msp-queue -Ac -q30m",
    "START_MTA": "", "START_MSPQ": "", "START_SASLAUTHD": "", "START_DOVECOT": "",
    "SASLAUTHD": "auto", "SASLAUTHD_SOCKET": "", "SASLAUTHD_PID_FILE": "",
    "DOVECOT": "auto", "DOVECOT_PID_FILE": "/run/dovecot/master.pid",
    "DOVECOT_PORTS": "",
    "RELAYERS": "auto", "VSMTPRELAY": "vsmtprelay", "POSTERN": "postern",
    "SIGNATURES": "auto", "SIGNATURES_DAYS": "7",
    "BANNER_TIMEOUT": "5", "START_TIMEOUT": "60",
    "LOG": "/var/log/mail.log /var/log/maillog",
    "CRON": "/etc/cron.d/sendmail /etc/crontab",
    "LOCK": "/run/check_sendmail.lock",
}
FILE = "/etc/mail/check_sendmail.conf"


class BadSettings(Exception):
    """A line of the file that means nothing: `file:line: text`."""


def unquoted(value):
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def read_file(path, into):
    """Lines of KEY=value, as sh(1) would read them; # begins a comment line."""
    with open(path, encoding="utf-8", errors="replace") as f:
        for number, line in enumerate(f, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            key, equals, value = line.partition("=")
            known = key in DEFAULTS or key.startswith("START_MILTER_")
            if not equals or not known:
                raise BadSettings(f"{path}:{number}: unknown setting: {line}")
            into[key] = unquoted(value.strip())


def settings(path=None):
    """All settings as a dict of texts.

    path  the file given with -c, which must exist; None: FILE, if there is one
    """
    values = dict(DEFAULTS)
    if path or os.path.exists(FILE):
        read_file(path or FILE, values)
    for key, value in os.environ.items():
        if key in DEFAULTS or key.startswith("START_MILTER_"):
            values[key] = value
    for key in ("BANNER_TIMEOUT", "START_TIMEOUT", "SIGNATURES_DAYS"):
        try:
            values[key] = float(values[key])
        except ValueError:
            raise BadSettings(f"{key}: not a number: {values[key]}") from None
    return values
