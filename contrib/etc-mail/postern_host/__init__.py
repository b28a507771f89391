"""What check_sendmail(8) and restart_sendmail(8) know of a host."""
