# /etc/cron.d/php: crontab fragment for php
SHELL=/bin/sh
MAILTO=""

# Look for and purge old sessions every 30 minutes
09,39 *     * * *     root   [ -x /usr/lib/php/sessionclean ] && if [ ! -d /run/systemd/system ]; then /usr/lib/php/sessionclean; fi
-*/5 * * * * www-data /usr/bin/php /var/www/cron.php
61 * * * * root /usr/local/bin/never
