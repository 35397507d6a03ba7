# Runs a throwaway PostgreSQL server that cannot outlive whoever started it.
#
#   sh server.sh BINDIR DIR PORT... <pipe
#
# BINDIR holds initdb and postgres. DIR holds the superuser's password in the file
# "password"; it is removed in the end. The first free PORT is taken.
#
# Prints "ready PORT" once the server answers, or why it does not. Then waits for
# the end of standard input: a pipe that the kernel closes when its writer dies,
# however it dies.

bin=$1 dir=$2
shift 2
server=

trap '' PIPE # nobody may be left to read "ready"; the clean-up must still happen

clean_up() {
	if [ -n "$server" ]; then
		kill -QUIT "$server" 2>/dev/null # PostgreSQL's "immediate shutdown"
		wait "$server"
	fi
	cd / && rm -rf "$dir"
}
trap clean_up EXIT

fail() {
	cat "$dir"/*.log
	exit 1
}

# A linguistic collation, as production databases mostly have one: what is sorted
# by the database's rules instead of byte by byte shows up in the tests.
# PostgreSQL 14 and older have no --locale-provider; their default has to do.
locale='--locale=C'
if "$bin/initdb" --help | grep -q -e --locale-provider; then
	locale="$locale --locale-provider=icu --icu-locale=en-US"
fi

# shellcheck disable=SC2086 # $locale is several options
"$bin/initdb" -D "$dir/data" -U postgres --pwfile="$dir/password" --auth=scram-sha-256 \
	--encoding=UTF8 $locale --no-sync >"$dir/initdb.log" 2>&1 || fail

# Nothing here has to survive a power cut, so nothing is flushed to disk.
cat >>"$dir/data/postgresql.conf" <<CONF || fail
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
max_connections = 200
timezone = 'UTC'
fsync = off
full_page_writes = off
synchronous_commit = off
CONF

for port in "$@"; do
	"$bin/postgres" -D "$dir/data" -p "$port" >>"$dir/server.log" 2>&1 &
	server=$!
	while kill -0 "$server" 2>/dev/null; do
		# The last line of this file is the server's state, as pg_ctl reads it too.
		if grep -q '^ready' "$dir/data/postmaster.pid" 2>/dev/null; then
			echo "ready $port"
			exec >/dev/null 2>&1
			cat
			exit
		fi
		sleep 0.02
	done
done
fail
